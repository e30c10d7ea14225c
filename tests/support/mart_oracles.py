"""What each mart holds, asked in DuckDB's SQL by other ways than the marts' own.

The tables are facts, payments, orders, products, customers, accepted and letters.
Ratios are rounded over whole numbers, by quotient and remainder; ranks are counted; no root is drawn.
"""

from __future__ import annotations

#: Products that top_products ranks.
LIMIT = 4

HALF_UP = """
CREATE MACRO half_up(a, b) AS CASE WHEN b > 0 THEN (a // b)::HUGEINT + CASE WHEN 2 * (a % b) >= b THEN 1 ELSE 0 END END;
CREATE MACRO cents(amount) AS (amount * 100)::DECIMAL(38, 0)::HUGEINT;
CREATE MACRO millionths(number) AS number::DECIMAL(30, 0) * 0.000001::DECIMAL(7, 6);
CREATE MACRO hundredths(number) AS number::DECIMAL(30, 0) * 0.01::DECIMAL(3, 2);
"""
SALES = "sold AS (FROM facts WHERE status IN ('pending', 'processing', 'shipped', 'delivered'))"
VALUES = f"""
    {SALES},
    bought AS (
        SELECT customer_id, order_id, min(order_date) AS on_day, sum(quantity) AS units, sum(line_total) AS amount,
            (SELECT coalesce(sum(p.amount), 0) FROM payments p
             WHERE p.order_id = s.order_id AND p.customer_id = s.customer_id AND p.status = 'refunded') AS refunded
        FROM sold s GROUP BY customer_id, order_id),
    valued AS (
        SELECT customer_id, min(on_day) AS first_day, max(on_day) AS last_day, count(*) AS orders, sum(units) AS units,
            sum(amount) AS gross, sum(refunded) AS refunded, sum(amount) - sum(refunded) AS kept
        FROM bought GROUP BY customer_id)"""
ORACLES = {
    "daily_gmv": """
        WITH bought AS (
            SELECT order_date, order_id, customer_id, status = 'cancelled' AS gone, sum(quantity) AS units,
                sum(line_total) AS amount
            FROM facts GROUP BY ALL),
        of_day AS (
            SELECT order_date, count(*) FILTER (NOT gone) AS orders,
                len(list_distinct(coalesce(list(customer_id) FILTER (NOT gone), []))) AS customers,
                coalesce(sum(units) FILTER (NOT gone), 0) AS units, coalesce(sum(amount) FILTER (NOT gone), 0) AS gmv,
                count(*) FILTER (gone) AS lost, coalesce(sum(amount) FILTER (gone), 0) AS lost_amount
            FROM bought GROUP BY order_date)
        SELECT *, hundredths(half_up(cents(gmv), orders)) FROM of_day""",
    "orders_by_status": """
        SELECT order_date, status, count(*), sum(total_amount),
            millionths(half_up(count(*) * 1000000, (SELECT count(*) FROM orders o WHERE o.order_date = orders.order_date)))
        FROM orders GROUP BY order_date, status""",
    "refund_rate": """
        WITH days AS (SELECT DISTINCT order_date FROM payments),
        of_day AS (
            SELECT order_date,
                (SELECT count(DISTINCT order_id) FROM payments p
                 WHERE p.order_date = d.order_date AND status NOT IN ('authorised', 'failed')) AS paid_orders,
                (SELECT coalesce(sum(amount), 0) FROM payments p
                 WHERE p.order_date = d.order_date AND status NOT IN ('authorised', 'failed')) AS paid,
                (SELECT count(DISTINCT order_id) FROM payments p
                 WHERE p.order_date = d.order_date AND status = 'refunded') AS back_orders,
                (SELECT coalesce(sum(amount), 0) FROM payments p
                 WHERE p.order_date = d.order_date AND status = 'refunded') AS back
            FROM days d)
        SELECT *, millionths(half_up(cents(back) * 1000000, cents(paid))) FROM of_day""",
    "top_products": f"""
        WITH {SALES},
        of_day AS (
            SELECT order_date, product_id, count(DISTINCT order_id) AS orders, sum(quantity) AS units,
                sum(line_total) AS revenue
            FROM sold GROUP BY ALL),
        placed AS (
            SELECT *, 1 + (SELECT count(*) FROM of_day o WHERE o.order_date = m.order_date
                AND (-o.revenue, -o.units, o.product_id) < (-m.revenue, -m.units, m.product_id)) AS place,
                (SELECT arg_max({{'n': product_name, 'c': category}}, valid_from) FROM products p WHERE p.product_key IN (
                    SELECT s.product_key FROM sold s
                    WHERE s.order_date = m.order_date AND s.product_id = m.product_id)) AS named
            FROM of_day m)
        SELECT order_date, place, product_id, named.n, named.c, orders, units, revenue FROM placed WHERE place <= {LIMIT}""",
    "basic_retention": f"""
        WITH {SALES},
        began AS (SELECT customer_id, date_trunc('month', min(order_date))::DATE AS cohort FROM sold GROUP BY customer_id),
        later AS (
            SELECT cohort, date_diff('month', cohort, order_date) AS months, count(DISTINCT customer_id) AS active
            FROM sold JOIN began USING (customer_id) GROUP BY ALL),
        size AS (SELECT cohort, count(*) AS everyone FROM began GROUP BY cohort)
        SELECT cohort, months, everyone, active, millionths(half_up(active * 1000000, everyone))
        FROM later JOIN size USING (cohort)""",
    "customer_lifetime_value": f"WITH {VALUES} SELECT *, hundredths(half_up(cents(gross), orders)) FROM valued",
    "customer_segments": f"""
        WITH {VALUES},
        last AS (SELECT max(order_date) AS today FROM facts),
        scored AS (
            SELECT customer_id, today, today - last_day AS days, orders, kept,
                1 + 5 * (SELECT count(*) FROM valued w WHERE w.last_day < v.last_day) // count(*) OVER () AS r,
                1 + 5 * (SELECT count(*) FROM valued w WHERE w.orders < v.orders) // count(*) OVER () AS f,
                1 + 5 * (SELECT count(*) FROM valued w WHERE w.kept < v.kept) // count(*) OVER () AS m
            FROM valued v, last)
        SELECT customer_id, today, days, orders, kept, r, f, m,
            CASE WHEN r >= 4 THEN CASE WHEN f >= 4 THEN if(m >= 4, 'champions', 'loyal')
                                       ELSE if(orders = 1, 'new', 'promising') END
                 WHEN r = 3 THEN if(f >= 4, 'loyal', 'regular')
                 WHEN days > 0 AND (f >= 3 OR m >= 4) THEN 'at_risk'
                 ELSE if(r = 1 AND days > 0, 'lost', 'regular') END,
            (SELECT segment FROM customers c WHERE c.customer_id = scored.customer_id AND is_current)
        FROM scored""",
    "price_volatility": """
        WITH ordered AS (
            SELECT *, date_trunc('month', valid_from) AS month,
                lag(price) OVER (PARTITION BY product_id ORDER BY version) AS before
            FROM products),
        moved AS (
            SELECT product_id, month, month + INTERVAL 1 MONTH AS next, count(*) AS changes FROM ordered
            WHERE price <> before GROUP BY product_id, month),
        listed AS (
            SELECT m.*, list({'p': price, 'begins': valid_from, 'ends': valid_to} ORDER BY version) AS held,
                arg_max(product_name, version) AS name
            FROM moved m JOIN products o ON o.product_id = m.product_id AND o.valid_from < m.next AND o.valid_to > m.month
            GROUP BY ALL),
        held AS (
            SELECT *, [h.p FOR h IN held IF h.begins <= listed.month][1] AS opening,
                [h.p FOR h IN held IF h.ends >= listed.next][1] AS closing, [h.p FOR h IN held] AS prices
            FROM listed),
        apart AS (
            SELECT *, [p FOR p, i IN prices IF i = 1 OR p <> prices[i - 1]] AS runs,
                [cents(p) FOR p IN runs] AS c, len(runs) AS n, list_sum(c)::HUGEINT AS s,
                list_sum([(n * x - s) * (n * x - s) FOR x IN c])::HUGEINT AS deviations
            FROM held),
        bounded AS (
            SELECT *, (1000000 * sqrt(deviations::DOUBLE / n) / nullif(s, 0))::HUGEINT AS near FROM apart)
        SELECT product_id, month::DATE, name, changes, opening, closing, list_min(runs), list_max(runs),
            millionths(half_up(s * 10000, n)),
            CASE WHEN s > 0 THEN millionths(list_max([r FOR r IN [0, near - 1, near, near + 1]
                IF r = 0 OR (2 * r - 1) * (2 * r - 1) * s * s * n <= 4000000000000 * deviations])) END
        FROM bounded""",
    "daily_error_rate": """
        WITH good AS (SELECT event_date, subject, count(*) AS good FROM accepted GROUP BY ALL),
        bad AS (SELECT event_date, subject, count(*) AS bad FROM letters GROUP BY ALL),
        judged AS (
            SELECT event_date, subject, coalesce(good, 0) AS good, coalesce(bad, 0) AS bad
            FROM good FULL JOIN bad USING (event_date, subject))
        SELECT *, millionths(half_up(bad * 1000000, good + bad)) FROM judged""",
}
