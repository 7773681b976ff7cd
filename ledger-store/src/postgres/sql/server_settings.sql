-- What a store must know of its server; what the server does not know is null.
SELECT current_setting('fsync', true) AS fsync,
    current_setting('synchronous_commit', true) AS synchronous_commit,
    current_setting('full_page_writes', true) AS full_page_writes,
    current_setting('transaction_read_only', true) AS read_only
