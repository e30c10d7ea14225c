-- A quarter of a busy shop, always the same. Squares and products of chances make few products and customers popular.
SELECT setseed(0.42);

INSERT INTO dim_product (product_key, product_id, product_name, category, brand, price, cost, valid_from, valid_to, is_current,
    version)
SELECT 100 * p + v, p, 'Product ' || p, 'Category ' || p %% 20, 'Brand ' || p %% 50, price, round(price * 0.6, 2),
    begin, lead(begin, 1, '9999-12-31Z') OVER (PARTITION BY p ORDER BY begin), v = %(versions)s, v
FROM (
    SELECT p, v, round((1 + 500 * random())::numeric, 2) AS price,
        timestamptz '2025-09-01Z' + (v * 9 + p %% 9) * interval '1 day' + p * interval '1 second' AS begin
    FROM generate_series(1, %(products)s) p, generate_series(1, %(versions)s) v
) made;

INSERT INTO products (product_id, product_name, category, brand, price, _deleted)
SELECT product_id, product_name, category, brand, price, false FROM dim_product WHERE is_current;

INSERT INTO dim_customer (customer_key, customer_id, first_name, last_name, email, address, city, country, segment, valid_from,
    valid_to, is_current, version)
SELECT 10 * c + v, c, 'First ' || c, 'Last ' || c, c || '@shop.example', v || ' Street ' || c, 'City ' || (c + v) %% 300, 'NO',
    'returning', timestamptz '2025-06-01Z' + v * interval '60 days',
    CASE WHEN v < 2 THEN timestamptz '2025-06-01Z' + (v + 1) * interval '60 days' ELSE '9999-12-31Z' END, v = 2, v + 1
FROM generate_series(1, %(customers)s) c, generate_series(0, 2) v;

INSERT INTO fact_orders (order_item_id, order_id, date_key, order_time, customer_id, customer_key, product_id, product_key, status,
    quantity, unit_price, line_total, order_date)
SELECT n, o, to_char(at, 'YYYYMMDD')::int, at, c, 10 * c + 2, p, 100 * p + %(versions)s,
    (ARRAY['delivered', 'delivered', 'delivered', 'shipped', 'pending', 'cancelled'])[1 + o %% 6],
    quantity, price, quantity * price, at::date
FROM (
    SELECT n, n * 10 / 27 AS o, timestamptz '2025-10-01Z' + n * interval '1 second' * (86400.0 * %(days)s / %(rows)s) AS at,
        1 + (%(products)s * random() * random())::int %% %(products)s AS p,
        1 + (4 * random() * random())::int AS quantity,
        round((1 + 500 * random())::numeric, 2) AS price
    FROM generate_series(1, %(rows)s::bigint) n
) lines, LATERAL (SELECT 1 + o * 7919 %% %(customers)s AS c) who;

INSERT INTO daily_gmv (order_date, orders, customers, units, gmv, cancelled_orders, cancelled_amount, average_order_value)
SELECT order_date, count(DISTINCT order_id), count(DISTINCT customer_id), sum(quantity), sum(line_total), 0, 0,
    round(sum(line_total) / count(DISTINCT order_id), 2)
FROM fact_orders WHERE status <> 'cancelled' GROUP BY order_date;

INSERT INTO top_products (order_date, rank, product_id, product_name, category, orders, units, revenue)
SELECT * FROM (
    SELECT order_date, row_number() OVER (PARTITION BY order_date ORDER BY sum(line_total) DESC, product_id) AS rank, product_id,
        'Product ' || product_id, 'Category ' || product_id %% 20, count(DISTINCT order_id), sum(quantity), sum(line_total)
    FROM fact_orders WHERE status <> 'cancelled' GROUP BY order_date, product_id
) ranked WHERE rank <= 10;

INSERT INTO customer_lifetime_value (customer_id, first_order_date, last_order_date, orders, units, gross_amount, refunded_amount,
    lifetime_value, average_order_value)
SELECT customer_id, min(order_date), max(order_date), count(DISTINCT order_id), sum(quantity), sum(line_total), 0, sum(line_total),
    round(sum(line_total) / count(DISTINCT order_id), 2)
FROM fact_orders WHERE status <> 'cancelled' GROUP BY customer_id;

INSERT INTO customer_segments (customer_id, as_of_date, recency_days, frequency, monetary, segment)
SELECT customer_id, '2025-12-30', date '2025-12-30' - last_order_date, orders, lifetime_value,
    (ARRAY['champion', 'loyal', 'regular', 'at risk', 'lost'])[1 + customer_id %% 5]
FROM customer_lifetime_value;

INSERT INTO ecommerce_events (event_id, user_id, event_type, product_id, price, event_time, session_id, category, quantity,
    user_segment, device_type, geo_country, total_amount, late_arrival_flag, event_date, schema_version, row_id)
SELECT 'e' || n, (%(customers)s * random() * random())::int,
    (ARRAY['view', 'view', 'view', 'view', 'search', 'add_to_cart', 'remove_from_cart', 'wishlist', 'purchase'])[1 + (8.999 * random())::int %% 9],
    p, price, at, 's' || n / 8, 'Category ' || p %% 20, 1, (ARRAY['new', 'returning', 'premium', 'inactive'])[1 + n %% 4],
    'mobile', 'NO', price, random() < 0.02, at::date, 3, md5(n::text)
FROM (
    SELECT n, 1 + (%(products)s * random() * random())::int %% %(products)s AS p, round((1 + 500 * random())::numeric, 2) AS price,
        timestamptz '2025-10-01Z' + n * interval '1 second' * (86400.0 * %(days)s / %(rows)s) AS at
    FROM generate_series(1, %(rows)s::bigint) n
) made;

INSERT INTO dead_letter_events (row_id, subject, reasons, schema_version, payload, source, source_position, ingested_at, query_id,
    batch_id, dead_lettered_at, status, attempts)
SELECT md5('d' || n), (ARRAY['ecommerce_events', 'orders'])[1 + n %% 2],
    jsonb_build_array(jsonb_build_object(
        'code', (ARRAY['bad_type', 'missing', 'out_of_range', 'rule'])[1 + n %% 4],
        'field', (ARRAY['price', 'quantity', 'event_id', 'user_id', 'category'])[1 + n %% 5], 'detail', 'it is ' || n)),
    3, jsonb_build_object('event_id', 'x' || n, 'price', '-'), 'ecommerce_events/' || n / 100 || '.csv', n %% 100, at, 'q', n / 10,
    at, (ARRAY['open', 'open', 'open', 'resolved', 'discarded'])[1 + n / 7 %% 5], 0
FROM (
    SELECT n, timestamptz '2025-10-01Z' + n * interval '1 second' * (86400.0 * %(days)s * %(every)s / %(rows)s) AS at
    FROM generate_series(1, %(rows)s::bigint / %(every)s) n
) made;

INSERT INTO data_quality_metrics (subject, query_id, batch_id, rows_read, accepted, late, duplicate, dead_letter, control, unaccounted,
    reasons, min_event_time, max_event_time, watermark, started_at, duration_seconds, input_files)
SELECT subject, 'q', n, 100, 97 - n %% 3, n %% 5, 1, 2 + n %% 3, 0, 0,
    jsonb_build_object('bad_type:price', 1, 'missing:event_id', 1 + n %% 3),
    at - interval '1 minute', at, at - interval '10 minutes', at, 1 + random(), 1
FROM (
    SELECT subject, n, timestamptz '2025-10-01Z' + n * interval '1 minute' AS at
    FROM unnest(ARRAY['ecommerce_events', 'orders']) subject, generate_series(1, %(days)s * 1440) n
) made;

INSERT INTO gold_runs (run_id, run_number, command, status, started_at, runtime_seconds, dates_built, dates_held)
SELECT 'run' || n, n, 'run', 'done', timestamptz '2025-10-01Z' + n * interval '1 day', 30, '["2025-10-01"]', '[]'
FROM generate_series(1, %(days)s) n;

UPDATE published_tables SET lake_table_id = 'id', version = 1, published_at = timestamptz '2025-12-30Z',
    lake_committed_at = timestamptz '2025-12-30Z' - interval '2 seconds';
