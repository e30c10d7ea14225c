SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.dim_product (
    product_key bigint NOT NULL,
    product_id bigint,
    product_name text,
    category text,
    brand text,
    price numeric(18,2),
    cost numeric(18,2),
    description text,
    margin_percentage numeric(24,2),
    valid_from timestamp with time zone,
    valid_to timestamp with time zone,
    is_current boolean,
    version integer,
    query_id text,
    batch_id bigint,
    processed_at timestamp with time zone,
    CONSTRAINT tally_cost_min CHECK ((cost >= (0)::numeric)),
    CONSTRAINT tally_price_min CHECK ((price >= (0)::numeric)),
    CONSTRAINT tally_product_id_min CHECK ((product_id >= 1))
);
COMMENT ON TABLE public.dim_product IS 'Tallylake: gold/dim_product, by product_key';
COMMENT ON CONSTRAINT tally_cost_min ON public.dim_product IS '"cost" >= 0';
COMMENT ON CONSTRAINT tally_price_min ON public.dim_product IS '"price" >= 0';
COMMENT ON CONSTRAINT tally_product_id_min ON public.dim_product IS '"product_id" >= 1';
CREATE FUNCTION public.products_as_of(moment timestamp with time zone) RETURNS SETOF public.dim_product
    LANGUAGE sql STABLE
    AS $$ SELECT * FROM "dim_product" WHERE valid_from <= moment AND moment < valid_to $$;
CREATE TABLE public.quality_by_hour (
    subject text NOT NULL,
    hour timestamp with time zone NOT NULL,
    batches bigint NOT NULL,
    rows_read bigint NOT NULL,
    accepted bigint NOT NULL,
    late bigint NOT NULL,
    duplicate bigint NOT NULL,
    dead_letter bigint NOT NULL,
    control bigint NOT NULL,
    unaccounted bigint NOT NULL,
    watermark timestamp with time zone,
    max_event_time timestamp with time zone,
    duration_seconds double precision
);
COMMENT ON TABLE public.quality_by_hour IS 'The books summed by subject and hour (UTC) of their batches'' start; kept by triggers of data_quality_metrics';
CREATE FUNCTION public.quality_between(wanted text, since timestamp with time zone, until timestamp with time zone) RETURNS SETOF public.quality_by_hour
    LANGUAGE sql STABLE
    AS $$
    SELECT
        subject,
        date_trunc('hour', started_at, 'UTC'),
        count(*),
        coalesce(sum(rows_read), 0)::bigint,
        coalesce(sum(accepted), 0)::bigint,
        coalesce(sum(late), 0)::bigint,
        coalesce(sum(duplicate), 0)::bigint,
        coalesce(sum(dead_letter), 0)::bigint,
        coalesce(sum(control), 0)::bigint,
        coalesce(sum(unaccounted), 0)::bigint,
        max(watermark),
        max(max_event_time),
        sum(duration_seconds)
    FROM data_quality_metrics
    WHERE subject = wanted AND started_at >= since AND started_at < until
    GROUP BY 1, 2
$$;
CREATE FUNCTION public.sum_up_quality() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        DELETE FROM quality_by_hour;
        RETURN NULL;
    END IF;
    DELETE FROM quality_by_hour h USING changed c
    WHERE h.subject = c.subject AND h.hour = date_trunc('hour', c.started_at, 'UTC');
    INSERT INTO quality_by_hour
    SELECT sums.*
    FROM (SELECT DISTINCT subject, date_trunc('hour', started_at, 'UTC') AS hour FROM changed) c
    CROSS JOIN LATERAL quality_between(c.subject, c.hour, c.hour + interval '1 hour') sums;
    RETURN NULL;
END
$$;
CREATE TABLE public.basic_retention (
    cohort_month date NOT NULL,
    months_since integer NOT NULL,
    cohort_customers bigint,
    active_customers bigint,
    retention_rate numeric(9,6)
);
COMMENT ON TABLE public.basic_retention IS 'Tallylake: gold/basic_retention, by cohort_month, months_since';
CREATE TABLE public.customer_lifetime_value (
    customer_id bigint NOT NULL,
    first_order_date date,
    last_order_date date,
    orders bigint,
    units bigint,
    gross_amount numeric(28,2),
    refunded_amount numeric(28,2),
    lifetime_value numeric(28,2),
    average_order_value numeric(28,2)
);
COMMENT ON TABLE public.customer_lifetime_value IS 'Tallylake: gold/customer_lifetime_value, by customer_id';
CREATE TABLE public.customer_segments (
    customer_id bigint NOT NULL,
    as_of_date date,
    recency_days integer,
    frequency bigint,
    monetary numeric(28,2),
    recency_score integer,
    frequency_score integer,
    monetary_score integer,
    segment text,
    declared_segment text
);
COMMENT ON TABLE public.customer_segments IS 'Tallylake: gold/customer_segments, by customer_id';
CREATE TABLE public.daily_error_rate (
    event_date date NOT NULL,
    subject text NOT NULL,
    accepted bigint,
    dead_letters bigint,
    error_rate numeric(9,6)
);
COMMENT ON TABLE public.daily_error_rate IS 'Tallylake: gold/daily_error_rate, by event_date, subject';
CREATE TABLE public.daily_gmv (
    order_date date NOT NULL,
    orders bigint,
    customers bigint,
    units bigint,
    gmv numeric(28,2),
    cancelled_orders bigint,
    cancelled_amount numeric(28,2),
    average_order_value numeric(28,2)
);
COMMENT ON TABLE public.daily_gmv IS 'Tallylake: gold/daily_gmv, by order_date';
CREATE TABLE public.data_quality_metrics (
    subject text NOT NULL,
    query_id text NOT NULL,
    batch_id bigint NOT NULL,
    rows_read bigint,
    accepted bigint,
    late bigint,
    duplicate bigint,
    dead_letter bigint,
    control bigint,
    unaccounted bigint,
    reasons jsonb,
    min_event_time timestamp with time zone,
    max_event_time timestamp with time zone,
    watermark timestamp with time zone,
    started_at timestamp with time zone,
    duration_seconds double precision,
    input_files bigint,
    contract_fingerprint text,
    inserted bigint,
    updated bigint,
    deleted bigint,
    superseded bigint,
    unchanged bigint,
    CONSTRAINT tally_accepted_min CHECK ((accepted >= 0)),
    CONSTRAINT tally_dead_letter_min CHECK ((dead_letter >= 0)),
    CONSTRAINT tally_duplicate_min CHECK ((duplicate >= 0)),
    CONSTRAINT tally_late_min CHECK ((late >= 0)),
    CONSTRAINT tally_rows_read_balance CHECK ((rows_read = ((((accepted + duplicate) + dead_letter) + COALESCE(control, (0)::bigint)) + unaccounted))),
    CONSTRAINT tally_rows_read_min CHECK ((rows_read >= 0))
);
COMMENT ON TABLE public.data_quality_metrics IS 'Tallylake: ops/batch_quality, by subject, query_id, batch_id';
COMMENT ON CONSTRAINT tally_accepted_min ON public.data_quality_metrics IS '"accepted" >= 0';
COMMENT ON CONSTRAINT tally_dead_letter_min ON public.data_quality_metrics IS '"dead_letter" >= 0';
COMMENT ON CONSTRAINT tally_duplicate_min ON public.data_quality_metrics IS '"duplicate" >= 0';
COMMENT ON CONSTRAINT tally_late_min ON public.data_quality_metrics IS '"late" >= 0';
COMMENT ON CONSTRAINT tally_rows_read_balance ON public.data_quality_metrics IS 'rows_read = accepted + duplicate + dead_letter + coalesce(control, 0) + unaccounted';
COMMENT ON CONSTRAINT tally_rows_read_min ON public.data_quality_metrics IS '"rows_read" >= 0';
CREATE TABLE public.dead_letter_events (
    row_id text NOT NULL,
    subject text,
    reasons jsonb,
    schema_version integer,
    contract_fingerprint text,
    payload jsonb,
    raw text,
    source text,
    source_position bigint,
    ingested_at timestamp with time zone,
    query_id text,
    batch_id bigint,
    dead_lettered_at timestamp with time zone,
    status text,
    attempts integer,
    CONSTRAINT tally_status_known CHECK ((status = ANY (ARRAY['open'::text, 'resolved'::text, 'discarded'::text])))
);
COMMENT ON TABLE public.dead_letter_events IS 'Tallylake: ops/dead_letters, by row_id';
COMMENT ON CONSTRAINT tally_status_known ON public.dead_letter_events IS '"status" IN (''open'', ''resolved'', ''discarded'')';
CREATE TABLE public.dim_date (
    date_key integer NOT NULL,
    date date,
    year integer,
    quarter integer,
    month integer,
    month_name text,
    iso_year integer,
    iso_week integer,
    day integer,
    day_of_year integer,
    day_of_week integer,
    day_name text,
    is_weekend boolean,
    is_month_end boolean,
    is_holiday boolean,
    holiday_name text
);
COMMENT ON TABLE public.dim_date IS 'Tallylake: gold/dim_date, by date_key';
CREATE TABLE public.ecommerce_events (
    event_id text NOT NULL,
    user_id bigint,
    event_type text,
    product_id bigint,
    price numeric(18,2),
    event_time timestamp with time zone,
    session_id text,
    category text,
    quantity integer,
    user_segment text,
    device_type text,
    geo_country text,
    browser text,
    geo_city text,
    referrer text,
    campaign_id text,
    total_amount numeric(30,2),
    late_arrival_flag boolean,
    extras jsonb,
    event_date date,
    schema_version integer,
    row_id text NOT NULL,
    query_id text,
    batch_id bigint,
    processed_at timestamp with time zone,
    CONSTRAINT tally_device_type_known CHECK ((device_type = ANY (ARRAY['desktop'::text, 'mobile'::text, 'other'::text, 'tablet'::text]))),
    CONSTRAINT tally_event_type_known CHECK ((event_type = ANY (ARRAY['add_to_cart'::text, 'purchase'::text, 'remove_from_cart'::text, 'search'::text, 'view'::text, 'wishlist'::text]))),
    CONSTRAINT tally_price_max CHECK ((price <= (1000000)::numeric)),
    CONSTRAINT tally_price_min CHECK ((price >= (0)::numeric)),
    CONSTRAINT tally_product_id_min CHECK ((product_id >= 1)),
    CONSTRAINT tally_quantity_min CHECK ((quantity >= 0)),
    CONSTRAINT tally_user_id_min CHECK ((user_id >= 0)),
    CONSTRAINT tally_user_segment_known CHECK ((user_segment = ANY (ARRAY['at-risk'::text, 'inactive'::text, 'new'::text, 'premium'::text, 'returning'::text, 'unknown'::text])))
);
COMMENT ON TABLE public.ecommerce_events IS 'Tallylake: silver/ecommerce_events, by event_id';
COMMENT ON CONSTRAINT tally_device_type_known ON public.ecommerce_events IS '"device_type" IN (E''desktop'', E''mobile'', E''other'', E''tablet'')';
COMMENT ON CONSTRAINT tally_event_type_known ON public.ecommerce_events IS '"event_type" IN (E''add_to_cart'', E''purchase'', E''remove_from_cart'', E''search'', E''view'', E''wishlist'')';
COMMENT ON CONSTRAINT tally_price_max ON public.ecommerce_events IS '"price" <= 1000000';
COMMENT ON CONSTRAINT tally_price_min ON public.ecommerce_events IS '"price" >= 0';
COMMENT ON CONSTRAINT tally_product_id_min ON public.ecommerce_events IS '"product_id" >= 1';
COMMENT ON CONSTRAINT tally_quantity_min ON public.ecommerce_events IS '"quantity" >= 0';
COMMENT ON CONSTRAINT tally_user_id_min ON public.ecommerce_events IS '"user_id" >= 0';
COMMENT ON CONSTRAINT tally_user_segment_known ON public.ecommerce_events IS '"user_segment" IN (E''at-risk'', E''inactive'', E''new'', E''premium'', E''returning'', E''unknown'')';
CREATE TABLE public.fact_orders (
    order_item_id bigint NOT NULL,
    order_id bigint,
    date_key integer,
    order_time timestamp with time zone,
    customer_id bigint,
    customer_key bigint,
    product_id bigint,
    product_key bigint,
    status text,
    quantity integer,
    unit_price numeric(18,2),
    line_total numeric(18,2),
    order_date date
);
COMMENT ON TABLE public.fact_orders IS 'Tallylake: gold/fact_orders, by order_item_id';
CREATE TABLE public.fact_payments (
    payment_id bigint NOT NULL,
    order_id bigint,
    date_key integer,
    customer_id bigint,
    customer_key bigint,
    method text,
    status text,
    amount numeric(18,2),
    paid_at timestamp with time zone,
    order_date date
);
COMMENT ON TABLE public.fact_payments IS 'Tallylake: gold/fact_payments, by payment_id';
CREATE TABLE public.gold_runs (
    run_id text NOT NULL,
    lineage text,
    run_number bigint,
    command text,
    run_date date,
    start_date date,
    end_date date,
    status text,
    started_at timestamp with time zone,
    runtime_seconds double precision,
    processed_events_count bigint,
    output_row_counts jsonb,
    rows_written jsonb,
    dates_built jsonb,
    dates_held jsonb,
    dates_pending jsonb,
    waiting_lines bigint,
    waiting_payments bigint,
    gates jsonb,
    inputs jsonb
);
COMMENT ON TABLE public.gold_runs IS 'Tallylake: ops/runs, by run_id';
CREATE TABLE public.inferred_members (
    dimension text NOT NULL,
    member_key bigint NOT NULL,
    natural_key bigint,
    first_order_time timestamp with time zone,
    facts bigint
);
COMMENT ON TABLE public.inferred_members IS 'Tallylake: gold/inferred_members, by dimension, member_key';
CREATE TABLE public.orders_by_status (
    order_date date NOT NULL,
    status text NOT NULL,
    orders bigint,
    amount numeric(28,2),
    share numeric(9,6)
);
COMMENT ON TABLE public.orders_by_status IS 'Tallylake: gold/orders_by_status, by order_date, status';
CREATE TABLE public.price_volatility (
    product_id bigint NOT NULL,
    month date NOT NULL,
    product_name text,
    price_changes bigint,
    opening_price numeric(18,2),
    closing_price numeric(18,2),
    min_price numeric(18,2),
    max_price numeric(18,2),
    average_price numeric(18,6),
    volatility numeric(18,6)
);
COMMENT ON TABLE public.price_volatility IS 'Tallylake: gold/price_volatility, by product_id, month';
CREATE TABLE public.products (
    product_id bigint NOT NULL,
    product_name text,
    category text,
    brand text,
    price numeric(18,2),
    cost numeric(18,2),
    description text,
    margin_percentage numeric(24,2),
    _deleted boolean,
    _sequence bigint,
    _change_id text,
    _event_time timestamp with time zone,
    schema_version integer,
    row_id text,
    query_id text,
    batch_id bigint,
    processed_at timestamp with time zone,
    CONSTRAINT tally_cost_min CHECK ((cost >= (0)::numeric)),
    CONSTRAINT tally_price_min CHECK ((price >= (0)::numeric)),
    CONSTRAINT tally_product_id_min CHECK ((product_id >= 1))
);
COMMENT ON TABLE public.products IS 'Tallylake: silver/products, by product_id';
COMMENT ON CONSTRAINT tally_cost_min ON public.products IS '"cost" >= 0';
COMMENT ON CONSTRAINT tally_price_min ON public.products IS '"price" >= 0';
COMMENT ON CONSTRAINT tally_product_id_min ON public.products IS '"product_id" >= 1';
CREATE TABLE public.published_tables (
    lake_table text NOT NULL,
    table_name text NOT NULL,
    lake_table_id text,
    version bigint,
    rows_written bigint DEFAULT 0 NOT NULL,
    rows_deleted bigint DEFAULT 0 NOT NULL,
    published_at timestamp with time zone,
    lake_committed_at timestamp with time zone,
    CONSTRAINT published_tables_check CHECK (((lake_table_id IS NULL) = (version IS NULL)))
);
COMMENT ON TABLE public.published_tables IS 'One row for each table of the lake: the version of it that Postgres shows, committed with the rows';
CREATE TABLE public.raw_events (
    subject text,
    row_id text NOT NULL,
    payload jsonb,
    raw text,
    read_error jsonb,
    source text,
    source_position bigint,
    source_time timestamp with time zone,
    source_fingerprint text,
    ingested_at timestamp with time zone NOT NULL,
    ingest_date date
);
COMMENT ON TABLE public.raw_events IS 'Tallylake: bronze/*, by row_id, ingested_at';
CREATE TABLE public.refund_rate (
    order_date date NOT NULL,
    paid_orders bigint,
    paid_amount numeric(28,2),
    refunded_orders bigint,
    refunded_amount numeric(28,2),
    refund_rate numeric(9,6)
);
COMMENT ON TABLE public.refund_rate IS 'Tallylake: gold/refund_rate, by order_date';
CREATE TABLE public.repeated_events (
    subject text NOT NULL,
    row_id text NOT NULL,
    payload jsonb NOT NULL
);
COMMENT ON TABLE public.repeated_events IS 'Accepted events whose identifier another accepted event has; nothing is lost, and identifiers are unique';
CREATE TABLE public.schema_migrations (
    version integer NOT NULL,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL
);
CREATE TABLE public.top_products (
    order_date date NOT NULL,
    rank integer NOT NULL,
    product_id bigint,
    product_name text,
    category text,
    orders bigint,
    units bigint,
    revenue numeric(28,2)
);
COMMENT ON TABLE public.top_products IS 'Tallylake: gold/top_products, by order_date, rank';
CREATE VIEW public.v_category_performance AS
 SELECT COALESCE(ecommerce_events.category, 'unknown'::text) AS category,
    count(*) FILTER (WHERE (ecommerce_events.event_type = 'view'::text)) AS views,
    count(*) FILTER (WHERE (ecommerce_events.event_type = 'add_to_cart'::text)) AS add_to_carts,
    count(*) FILTER (WHERE (ecommerce_events.event_type = 'purchase'::text)) AS purchases,
    COALESCE(sum(ecommerce_events.quantity) FILTER (WHERE (ecommerce_events.event_type = 'purchase'::text)), (0)::bigint) AS units,
    COALESCE(sum(ecommerce_events.total_amount) FILTER (WHERE (ecommerce_events.event_type = 'purchase'::text)), (0)::numeric) AS revenue,
    count(DISTINCT ecommerce_events.user_id) FILTER (WHERE (ecommerce_events.event_type = 'purchase'::text)) AS buyers,
    round(((count(*) FILTER (WHERE (ecommerce_events.event_type = 'purchase'::text)))::numeric / (NULLIF(count(*) FILTER (WHERE (ecommerce_events.event_type = 'view'::text)), 0))::numeric), 6) AS conversion_rate
   FROM public.ecommerce_events
  GROUP BY COALESCE(ecommerce_events.category, 'unknown'::text);
COMMENT ON VIEW public.v_category_performance IS 'The funnel of each category; conversion_rate is purchases by views, null without views';
CREATE VIEW public.v_data_quality_dashboard AS
 SELECT quality_by_hour.subject,
    quality_by_hour.hour,
    quality_by_hour.batches,
    quality_by_hour.rows_read,
    quality_by_hour.accepted,
    quality_by_hour.late,
    quality_by_hour.duplicate,
    quality_by_hour.dead_letter,
    quality_by_hour.control,
    quality_by_hour.unaccounted,
    round(((1)::numeric - ((quality_by_hour.dead_letter)::numeric / (NULLIF(quality_by_hour.rows_read, 0))::numeric)), 6) AS validity,
    quality_by_hour.watermark,
    round(((quality_by_hour.duration_seconds / (quality_by_hour.batches)::double precision))::numeric, 3) AS average_duration_seconds
   FROM public.quality_by_hour;
COMMENT ON VIEW public.v_data_quality_dashboard IS 'The books by hour (UTC); validity is the share of rows read that were not refused';
CREATE VIEW public.v_hourly_event_summary AS
 SELECT date_trunc('hour'::text, ecommerce_events.event_time, 'UTC'::text) AS event_hour,
    ecommerce_events.event_type,
    count(*) AS events,
    count(DISTINCT ecommerce_events.user_id) FILTER (WHERE (ecommerce_events.user_id <> 0)) AS users,
    count(DISTINCT ecommerce_events.session_id) AS sessions,
    COALESCE(sum(ecommerce_events.quantity) FILTER (WHERE (ecommerce_events.event_type = 'purchase'::text)), (0)::bigint) AS units,
    COALESCE(sum(ecommerce_events.total_amount) FILTER (WHERE (ecommerce_events.event_type = 'purchase'::text)), (0)::numeric) AS revenue,
    count(*) FILTER (WHERE ecommerce_events.late_arrival_flag) AS late_events
   FROM public.ecommerce_events
  GROUP BY (date_trunc('hour'::text, ecommerce_events.event_time, 'UTC'::text)), ecommerce_events.event_type;
COMMENT ON VIEW public.v_hourly_event_summary IS 'Events by hour (UTC) and type; users are those signed in, revenue is that of purchases';
CREATE VIEW public.v_products AS
 SELECT products.product_id,
    products.product_name,
    products.category,
    products.brand,
    products.price,
    products.cost,
    products.description
   FROM public.products
  WHERE (NOT products._deleted);
CREATE VIEW public.v_user_segment_analysis AS
 SELECT COALESCE(ecommerce_events.user_segment, 'unknown'::text) AS user_segment,
    count(DISTINCT ecommerce_events.user_id) FILTER (WHERE (ecommerce_events.user_id <> 0)) AS users,
    count(DISTINCT ecommerce_events.session_id) AS sessions,
    count(*) AS events,
    count(*) FILTER (WHERE (ecommerce_events.event_type = 'purchase'::text)) AS purchases,
    COALESCE(sum(ecommerce_events.total_amount) FILTER (WHERE (ecommerce_events.event_type = 'purchase'::text)), (0)::numeric) AS revenue,
    round(avg(ecommerce_events.total_amount) FILTER (WHERE (ecommerce_events.event_type = 'purchase'::text)), 2) AS average_order_value
   FROM public.ecommerce_events
  GROUP BY COALESCE(ecommerce_events.user_segment, 'unknown'::text);
COMMENT ON VIEW public.v_user_segment_analysis IS 'What each segment did, as the shop saw the visitor at that moment';
CREATE TABLE public.waiting_facts (
    order_id bigint NOT NULL,
    kind text NOT NULL,
    id bigint NOT NULL,
    amount numeric(18,2)
);
COMMENT ON TABLE public.waiting_facts IS 'Tallylake: gold/waiting_facts, by order_id, kind, id';
INSERT INTO public.ecommerce_events VALUES ('e1', 1, 'view', 2, 0.01, '2026-01-29 12:00:00.000001+00', 's1', '''', 1, 'new', NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, '{"x": "''"}', '2026-01-29', 2, 'r00001', 'q', 1, '2026-01-29 12:00:00+00');
INSERT INTO public.ecommerce_events VALUES ('e2', 2, 'view', 3, 0.02, '2026-01-29 12:00:00.000002+00', 's2', '\', 1, 'new', NULL, NULL, NULL, NULL, NULL, NULL, NULL, false, NULL, '2026-01-29', 2, 'r00002', 'q', 2, '2026-01-29 12:00:00+00');
INSERT INTO public.products VALUES (2, '''', 'toys', NULL, 0.25, NULL, NULL, NULL, false, 1, 'c1', '2026-01-29 12:00:00+00', NULL, 'r1', 'q', 0, '2026-01-29 12:00:00+00');
INSERT INTO public.products VALUES (3, '\', 'toys', NULL, 0.50, NULL, NULL, NULL, false, 2, 'c2', '2026-01-29 12:00:00+00', NULL, 'r2', 'q', 0, '2026-01-29 12:00:00+00');
INSERT INTO public.published_tables VALUES ('gold/dim_product', 'dim_product', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('ops/dead_letters', 'dead_letter_events', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('ops/batch_quality', 'data_quality_metrics', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/dim_date', 'dim_date', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/fact_orders', 'fact_orders', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/fact_payments', 'fact_payments', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/inferred_members', 'inferred_members', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/waiting_facts', 'waiting_facts', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/daily_gmv', 'daily_gmv', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/orders_by_status', 'orders_by_status', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/refund_rate', 'refund_rate', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/top_products', 'top_products', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/basic_retention', 'basic_retention', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/customer_lifetime_value', 'customer_lifetime_value', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/customer_segments', 'customer_segments', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/price_volatility', 'price_volatility', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('gold/daily_error_rate', 'daily_error_rate', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('ops/runs', 'gold_runs', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('bronze/ecommerce_events', 'raw_events', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('bronze/products', 'raw_events', NULL, NULL, 0, 0, NULL, NULL);
INSERT INTO public.published_tables VALUES ('silver/ecommerce_events', 'ecommerce_events', '8a440c20-6ec6-4a4a-95aa-82bb6b94a425', 1, 3, 0, '2026-11-30 20:59:19.398802+00', '2026-11-30 20:59:19.153944+00');
INSERT INTO public.published_tables VALUES ('silver/products', 'products', '728be259-a374-445b-a1a1-0231bec1be17', 1, 2, 0, '2026-11-30 20:59:19.419357+00', '2026-11-30 20:59:19.198321+00');
INSERT INTO public.repeated_events VALUES ('ecommerce_events', 'r00003', '{"price": 0.03, "extras": {"x": "\\."}, "row_id": "r00003", "browser": null, "user_id": 3, "batch_id": 3, "category": "\\.", "event_id": "e1", "geo_city": null, "quantity": 1, "query_id": "q", "referrer": null, "event_date": "2026-01-29", "event_time": "2026-01-29T12:00:00.000003+00:00", "event_type": "view", "product_id": 4, "session_id": "s3", "campaign_id": null, "device_type": null, "geo_country": null, "processed_at": "2026-01-29T12:00:00+00:00", "total_amount": null, "user_segment": "new", "schema_version": 2, "late_arrival_flag": true}');
INSERT INTO public.schema_migrations VALUES (1, 'bookkeeping', '68f70ef4f52a803409e11103436f8351a593c78b6805f2fb1da5e10a6783c0dc', '2026-11-30 20:59:18.199264+00');
ALTER TABLE ONLY public.basic_retention
    ADD CONSTRAINT basic_retention_pkey PRIMARY KEY (cohort_month, months_since);
ALTER TABLE ONLY public.customer_lifetime_value
    ADD CONSTRAINT customer_lifetime_value_pkey PRIMARY KEY (customer_id);
ALTER TABLE ONLY public.customer_segments
    ADD CONSTRAINT customer_segments_pkey PRIMARY KEY (customer_id);
ALTER TABLE ONLY public.daily_error_rate
    ADD CONSTRAINT daily_error_rate_pkey PRIMARY KEY (event_date, subject);
ALTER TABLE ONLY public.daily_gmv
    ADD CONSTRAINT daily_gmv_pkey PRIMARY KEY (order_date);
ALTER TABLE ONLY public.data_quality_metrics
    ADD CONSTRAINT data_quality_metrics_pkey PRIMARY KEY (subject, query_id, batch_id);
ALTER TABLE ONLY public.dead_letter_events
    ADD CONSTRAINT dead_letter_events_pkey PRIMARY KEY (row_id);
ALTER TABLE ONLY public.dim_date
    ADD CONSTRAINT dim_date_pkey PRIMARY KEY (date_key);
ALTER TABLE ONLY public.dim_product
    ADD CONSTRAINT dim_product_pkey PRIMARY KEY (product_key);
ALTER TABLE ONLY public.ecommerce_events
    ADD CONSTRAINT ecommerce_events_pkey PRIMARY KEY (event_id);
ALTER TABLE ONLY public.fact_orders
    ADD CONSTRAINT fact_orders_pkey PRIMARY KEY (order_item_id);
ALTER TABLE ONLY public.fact_payments
    ADD CONSTRAINT fact_payments_pkey PRIMARY KEY (payment_id);
ALTER TABLE ONLY public.gold_runs
    ADD CONSTRAINT gold_runs_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.inferred_members
    ADD CONSTRAINT inferred_members_pkey PRIMARY KEY (dimension, member_key);
ALTER TABLE ONLY public.orders_by_status
    ADD CONSTRAINT orders_by_status_pkey PRIMARY KEY (order_date, status);
ALTER TABLE ONLY public.price_volatility
    ADD CONSTRAINT price_volatility_pkey PRIMARY KEY (product_id, month);
ALTER TABLE ONLY public.products
    ADD CONSTRAINT products_pkey PRIMARY KEY (product_id);
ALTER TABLE ONLY public.published_tables
    ADD CONSTRAINT published_tables_pkey PRIMARY KEY (lake_table);
ALTER TABLE ONLY public.quality_by_hour
    ADD CONSTRAINT quality_by_hour_pkey PRIMARY KEY (subject, hour);
ALTER TABLE ONLY public.raw_events
    ADD CONSTRAINT raw_events_pkey PRIMARY KEY (row_id, ingested_at);
ALTER TABLE ONLY public.refund_rate
    ADD CONSTRAINT refund_rate_pkey PRIMARY KEY (order_date);
ALTER TABLE ONLY public.repeated_events
    ADD CONSTRAINT repeated_events_pkey PRIMARY KEY (subject, row_id);
ALTER TABLE ONLY public.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.top_products
    ADD CONSTRAINT top_products_pkey PRIMARY KEY (order_date, rank);
ALTER TABLE ONLY public.waiting_facts
    ADD CONSTRAINT waiting_facts_pkey PRIMARY KEY (order_id, kind, id);
CREATE INDEX customer_lifetime_value_lifetime_value_customer_id_idx ON public.customer_lifetime_value USING btree (lifetime_value, customer_id);
CREATE INDEX customer_segments_segment_idx ON public.customer_segments USING btree (segment);
CREATE INDEX data_quality_metrics_started_at_idx ON public.data_quality_metrics USING btree (started_at);
CREATE INDEX data_quality_metrics_subject_started_at_idx ON public.data_quality_metrics USING btree (subject, started_at);
CREATE INDEX dead_letter_events_dead_lettered_at_row_id_idx ON public.dead_letter_events USING btree (dead_lettered_at, row_id);
CREATE INDEX dead_letter_events_reasons_idx ON public.dead_letter_events USING gin (reasons jsonb_path_ops);
CREATE INDEX dead_letter_events_status_dead_lettered_at_row_id_idx ON public.dead_letter_events USING btree (status, dead_lettered_at, row_id);
CREATE INDEX dead_letter_events_subject_dead_lettered_at_row_id_idx ON public.dead_letter_events USING btree (subject, dead_lettered_at, row_id);
CREATE INDEX dim_product_product_id_valid_from_idx ON public.dim_product USING btree (product_id, valid_from);
CREATE INDEX ecommerce_events_event_date_event_type_idx ON public.ecommerce_events USING btree (event_date, event_type);
CREATE INDEX ecommerce_events_event_time_idx ON public.ecommerce_events USING btree (event_time);
CREATE UNIQUE INDEX ecommerce_events_row_id_idx ON public.ecommerce_events USING btree (row_id);
CREATE INDEX fact_orders_customer_id_order_time_idx ON public.fact_orders USING btree (customer_id, order_time);
CREATE INDEX fact_orders_order_date_idx ON public.fact_orders USING btree (order_date);
CREATE INDEX fact_orders_order_id_idx ON public.fact_orders USING btree (order_id);
CREATE INDEX fact_orders_product_id_order_date_idx ON public.fact_orders USING btree (product_id, order_date);
CREATE INDEX fact_payments_order_date_idx ON public.fact_payments USING btree (order_date);
CREATE INDEX fact_payments_order_id_idx ON public.fact_payments USING btree (order_id);
CREATE INDEX gold_runs_run_number_idx ON public.gold_runs USING btree (run_number);
CREATE INDEX price_volatility_month_idx ON public.price_volatility USING btree (month);
CREATE INDEX raw_events_subject_ingested_at_idx ON public.raw_events USING btree (subject, ingested_at);
CREATE TRIGGER quality_deleted AFTER DELETE ON public.data_quality_metrics REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.sum_up_quality();
CREATE TRIGGER quality_inserted AFTER INSERT ON public.data_quality_metrics REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.sum_up_quality();
CREATE TRIGGER quality_truncated AFTER TRUNCATE ON public.data_quality_metrics FOR EACH STATEMENT EXECUTE FUNCTION public.sum_up_quality();
CREATE TRIGGER quality_updated_from AFTER UPDATE ON public.data_quality_metrics REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.sum_up_quality();
CREATE TRIGGER quality_updated_to AFTER UPDATE ON public.data_quality_metrics REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION public.sum_up_quality();
GRANT USAGE ON SCHEMA public TO tallylake_writer;
GRANT USAGE ON SCHEMA public TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.dim_product TO tallylake_writer;
GRANT SELECT ON TABLE public.dim_product TO tallylake_reader;
GRANT SELECT ON TABLE public.quality_by_hour TO tallylake_reader;
GRANT SELECT ON TABLE public.quality_by_hour TO tallylake_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.basic_retention TO tallylake_writer;
GRANT SELECT ON TABLE public.basic_retention TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.customer_lifetime_value TO tallylake_writer;
GRANT SELECT ON TABLE public.customer_lifetime_value TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.customer_segments TO tallylake_writer;
GRANT SELECT ON TABLE public.customer_segments TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.daily_error_rate TO tallylake_writer;
GRANT SELECT ON TABLE public.daily_error_rate TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.daily_gmv TO tallylake_writer;
GRANT SELECT ON TABLE public.daily_gmv TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.data_quality_metrics TO tallylake_writer;
GRANT SELECT ON TABLE public.data_quality_metrics TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.dead_letter_events TO tallylake_writer;
GRANT SELECT ON TABLE public.dead_letter_events TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.dim_date TO tallylake_writer;
GRANT SELECT ON TABLE public.dim_date TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.ecommerce_events TO tallylake_writer;
GRANT SELECT ON TABLE public.ecommerce_events TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.fact_orders TO tallylake_writer;
GRANT SELECT ON TABLE public.fact_orders TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.fact_payments TO tallylake_writer;
GRANT SELECT ON TABLE public.fact_payments TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.gold_runs TO tallylake_writer;
GRANT SELECT ON TABLE public.gold_runs TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.inferred_members TO tallylake_writer;
GRANT SELECT ON TABLE public.inferred_members TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.orders_by_status TO tallylake_writer;
GRANT SELECT ON TABLE public.orders_by_status TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.price_volatility TO tallylake_writer;
GRANT SELECT ON TABLE public.price_volatility TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.products TO tallylake_writer;
GRANT SELECT ON TABLE public.products TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.published_tables TO tallylake_writer;
GRANT SELECT ON TABLE public.published_tables TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.raw_events TO tallylake_writer;
GRANT SELECT ON TABLE public.raw_events TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.refund_rate TO tallylake_writer;
GRANT SELECT ON TABLE public.refund_rate TO tallylake_reader;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.repeated_events TO tallylake_writer;
GRANT SELECT ON TABLE public.repeated_events TO tallylake_reader;
GRANT SELECT ON TABLE public.schema_migrations TO tallylake_reader;
GRANT SELECT ON TABLE public.schema_migrations TO tallylake_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.top_products TO tallylake_writer;
GRANT SELECT ON TABLE public.top_products TO tallylake_reader;
GRANT SELECT ON TABLE public.v_category_performance TO tallylake_reader;
GRANT SELECT ON TABLE public.v_category_performance TO tallylake_writer;
GRANT SELECT ON TABLE public.v_data_quality_dashboard TO tallylake_reader;
GRANT SELECT ON TABLE public.v_data_quality_dashboard TO tallylake_writer;
GRANT SELECT ON TABLE public.v_hourly_event_summary TO tallylake_reader;
GRANT SELECT ON TABLE public.v_hourly_event_summary TO tallylake_writer;
GRANT SELECT ON TABLE public.v_products TO tallylake_reader;
GRANT SELECT ON TABLE public.v_products TO tallylake_writer;
GRANT SELECT ON TABLE public.v_user_segment_analysis TO tallylake_reader;
GRANT SELECT ON TABLE public.v_user_segment_analysis TO tallylake_writer;
GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE public.waiting_facts TO tallylake_writer;
GRANT SELECT ON TABLE public.waiting_facts TO tallylake_reader;
