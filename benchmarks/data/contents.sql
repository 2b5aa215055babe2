-- 5,000 contents like the generator's: podcasts, videos and newsletters, some without a length, some of length 0.
SELECT setseed(0.25);
INSERT INTO content (id, slug, title, content_type, length_seconds, publish_ts)
SELECT md5('content ' || i)::uuid, 'content-' || i,
       (ARRAY['A Short History of', 'The Secret Life of', 'What We Know About', 'Arguing About', 'The Price of', 'Notes on'])[1 + floor(a * 6)::int] || ' '
         || (ARRAY['Rivers', 'Bread', 'Night Trains', 'Bees', 'Old Maps', 'Chess', 'Glaciers', 'Tea', 'Lighthouses', 'Whales'])[1 + floor(b * 10)::int],
       kind,
       CASE WHEN i % 250 = 249 THEN 0
            WHEN kind = 'newsletter' THEN CASE WHEN d < 0.5 THEN NULL ELSE 90 + floor(c * 811)::int END
            WHEN kind = 'podcast' THEN 600 + floor(c * 4801)::int
            ELSE 45 + floor(c * 1456)::int END,
       timestamptz '2025-12-01' - c * interval '300 days'
FROM (
  SELECT i, random() AS a, random() AS b, random() AS c, random() AS d, (ARRAY['podcast', 'podcast', 'video', 'video', 'newsletter'])[1 + floor(random() * 5)::int] AS kind
  FROM generate_series(0, 4999) AS i
) AS made;
