SELECT max(h.recorded_at) AS recorded_at FROM head AS h
