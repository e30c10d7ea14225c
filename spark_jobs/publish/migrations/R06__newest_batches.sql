-- needs: newest_queries, data_quality_metrics
CREATE OR REPLACE VIEW newest_batches AS
SELECT newest.*
FROM newest_queries q
CROSS JOIN LATERAL (
    SELECT * FROM data_quality_metrics m WHERE m.subject = q.subject AND m.query_id = q.query_id ORDER BY batch_id DESC LIMIT 1
) newest;
COMMENT ON VIEW newest_batches IS 'Tallylake: the books of each subject''s newest batch, by its number and not by any clock';
