//! Every statement, each in a file of its own, so that the dialect check reads them all.

macro_rules! statements {
    ($($name:ident = $file:literal)+) => {
        $(pub(super) const $name: &str = include_str!(concat!("sql/", $file, ".sql"));)+
    };
}

statements! {
    APPEND_MANY = "append_many"
    APPEND_ONE = "append_one"
    CREATE_HEADS = "create_heads"
    CREATE_IDENTITY = "create_identity"
    CREATE_LEASE = "create_lease"
    CREATE_MIGRATION = "create_migration"
    HASH_AT = "hash_at"
    HEADS = "heads"
    HEAD_OF = "head_of"
    IDENTITY = "identity"
    LEASE_BEAT = "lease_beat"
    LEASE_GIVE = "lease_give"
    LEASE_READ = "lease_read"
    LEASE_TAKE = "lease_take"
    LEASE_TAKE_OVER = "lease_take_over"
    LOOKUP = "lookup"
    MEMBERS = "members"
    MEMBER_BEAT = "member_beat"
    MEMBER_BURY = "member_bury"
    MEMBER_LEAVE = "member_leave"
    MIGRATIONS = "migrations"
    NEWEST = "newest"
    NOTE_MIGRATION = "note_migration"
    READ = "read"
    READ_PARTITION = "read_partition"
    SERVER_SETTINGS = "server_settings"
    SHARD_LEASES = "shard_leases"
    SHARD_LEASE_GIVE = "shard_lease_give"
    SHARD_LEASE_TAKE = "shard_lease_take"
    SHARD_LEASE_TAKE_OVER = "shard_lease_take_over"
    SNAPSHOT = "snapshot"
    WRITE_SNAPSHOT = "write_snapshot"
}
