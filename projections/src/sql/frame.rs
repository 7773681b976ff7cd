//! What every view has besides its own tables, wherever it is kept: what it is, where it stands, what was left out.

use super::{Column, Migration, Step, Table};

pub(crate) static FRAME: Table = Table {
    name: "view_frame",
    columns: &[
        Column::text("name"),
        Column::integer("version"),
        Column::text("ledger"),
        Column::integer("shards"),
        Column::integer("format"),
        Column::integer("batches"),
    ],
    key: 1,
    indexes: &[],
};
pub(crate) static HEADS: Table = Table {
    name: "view_heads",
    columns: &[Column::integer("shard"), Column::integer("position"), Column::text("hash")],
    key: 1,
    indexes: &[],
};
pub(crate) static SKIPS: Table = Table {
    name: "view_skips",
    columns: &[
        Column::integer("shard"),
        Column::integer("position"),
        Column::text("previous"),
        Column::text("hash"),
        Column::text("what"),
        Column::text("decided_by"),
        Column::text("why"),
        Column::text("decided_at"),
    ],
    key: 2,
    indexes: &[],
};

/// The frame's own tables.
pub(crate) const MIGRATIONS: &[Migration] =
    &[Migration { name: "frame", steps: &[Step::Table(&FRAME), Step::Table(&HEADS), Step::Table(&SKIPS)] }];
