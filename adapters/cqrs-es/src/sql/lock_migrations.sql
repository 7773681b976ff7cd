-- One runs them at a time; the others wait until its transaction is over, and find them done.
LOCK TABLE cqrs_migration IN EXCLUSIVE MODE
