//! What the machine can do at best: the bytes of our own commits, written and synced, and nothing else.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use async_trait::async_trait;

use crate::bodies::support;
use crate::system::{Latencies, Slice, System};

/// The file is filled with zeros ahead, as the log's segments are, and written again from its beginning when
/// its end is reached.
const FILE_BYTES: u64 = 256 << 20;

pub(crate) struct Bare {
    name: &'static str,
    /// Records a write.
    batch: usize,
    /// A batch of bets, and a batch of what settles them.
    writes: [Vec<u8>; 2],
    file: Mutex<(File, Position)>,
}

#[derive(Debug, Default)]
struct Position {
    offset: u64,
    /// What was written last, and where.
    last: Option<(usize, u64)>,
    writes: u64,
    bytes: u64,
}

impl Bare {
    pub(crate) fn set_up(name: &'static str, folder: &Path, batch: usize) -> Result<Box<dyn System>> {
        // Behind an opening and a deposit come a bet and what settles it.
        let bodies = support::bodies(4);
        let of = |i: usize| bodies[i].0.repeat(batch);
        let path = folder.join(format!("bare-{batch}"));
        let file = OpenOptions::new().create_new(true).read(true).write(true).open(path)?;
        let zeros = vec![0; 1 << 20];
        for at in (0..FILE_BYTES).step_by(zeros.len()) {
            file.write_all_at(&zeros, at)?;
        }
        file.sync_all()?;
        let file = Mutex::new((file, Position::default()));
        Ok(Box::new(Self { name, batch, writes: [of(2), of(3)], file }))
    }

    fn write(&self, which: usize) -> Result<()> {
        let bytes = &self.writes[which];
        let mut guard = self.file.lock().ok().context("a write panicked")?;
        let (file, position) = &mut *guard;
        if position.offset + bytes.len() as u64 > FILE_BYTES {
            position.offset = 0;
        }
        file.write_all_at(bytes, position.offset)?;
        file.sync_data()?;
        position.last = Some((which, position.offset));
        position.offset += bytes.len() as u64;
        position.writes += 1;
        position.bytes += bytes.len() as u64;
        Ok(())
    }

    fn play_now(&self, time: Duration) -> Result<Slice> {
        let (mut rounds, mut latencies) = (0, Latencies::new());
        let operations = u64::try_from(self.batch)?;
        let start = Instant::now();
        while start.elapsed() < time {
            for which in [0, 1] {
                let begun = Instant::now();
                self.write(which)?;
                latencies.record(begun.elapsed(), operations);
            }
            rounds += operations;
        }
        Ok(Slice { rounds, took: start.elapsed(), latencies })
    }
}

#[async_trait]
impl System for Bare {
    fn name(&self) -> &str {
        self.name
    }

    fn levels(&self) -> Vec<usize> {
        vec![self.batch]
    }

    async fn play(&self, _: usize, time: Duration) -> Result<Slice> {
        tokio::task::block_in_place(|| self.play_now(time))
    }

    async fn check(&self) -> Result<String> {
        let guard = self.file.lock().ok().context("a write panicked")?;
        let (file, position) = &*guard;
        let (which, offset) = position.last.context("nothing was written")?;
        let mut found = vec![0; self.writes[which].len()];
        file.read_exact_at(&mut found, offset)?;
        ensure!(found == self.writes[which], "what was written last is not what is there");
        Ok(format!(
            "{} writes of {} MB, the last one reads back",
            position.writes,
            position.bytes / 1_000_000
        ))
    }
}
