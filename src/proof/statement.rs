//! Statements: the heads of all shards at a moment, signed. The format is `docs/proofs.md`.

use std::fmt;
use std::str::FromStr;

use ledger_core::Timestamp;
use ledger_store::{Head, LedgerIdentity, Position, Shard, ShardCount};
use sha2::{Digest, Sha256};

use super::merkle::{Frontier, TreeHash, leaf_hash};
use super::signer::{PublicKey, Signature};
use crate::hex;

/// The first line of a statement: the version of its format, and what keeps its signature from meaning anything
/// else.
const TAG: &str = "casino-ledger statement 1";
const HEAD_TAG: &[u8; 21] = b"casino-ledger/head/1\0";

/// The longest text of a statement, in bytes: that of a ledger with 1,024 shards has about 160,000.
pub const STATEMENT_BYTES_MAX: usize = 256 << 10;

/// The hash of a statement: of what is signed, without the signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatementHash(pub [u8; 32]);

hex::hex_text!(StatementHash, 32);

impl StatementHash {
    /// What the first statement of a ledger has in the place of its predecessor's hash.
    pub const NONE: Self = Self([0; 32]);
}

/// Why a text is not a statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the statement: {what}")]
pub struct StatementTextError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// A shard in a statement: its head, and the root of the tree over its commit hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ShardHead {
    /// The position and hash of the last commit, or of the genesis.
    pub head: Head,
    /// The root of the Merkle tree over the hashes of commits 1 to the head's position.
    pub root: TreeHash,
}

impl ShardHead {
    /// What stands for this shard in the tree over all shards.
    pub(super) fn leaf(&self, shard: Shard) -> TreeHash {
        let mut data = [0; 21 + 2 + 8 + 32 + 32];
        data[..21].copy_from_slice(HEAD_TAG);
        data[21..23].copy_from_slice(&shard.0.to_be_bytes());
        data[23..31].copy_from_slice(&self.head.position.0.to_be_bytes());
        data[31..63].copy_from_slice(&self.head.hash.0);
        data[63..].copy_from_slice(&self.root.0);
        leaf_hash(&data)
    }
}

/// The leaves of the tree over all shards.
pub(super) fn leaves(heads: &[ShardHead]) -> impl Iterator<Item = TreeHash> {
    (0..).zip(heads).map(|(shard, head)| head.leaf(Shard(shard)))
}

/// The root of the tree over all shards.
fn root_of(heads: &[ShardHead]) -> TreeHash {
    let mut tree = Frontier::new();
    leaves(heads).for_each(|leaf| tree.push(leaf));
    tree.root()
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) identity: LedgerIdentity,
    pub(super) sequence: u64,
    pub(super) previous: StatementHash,
    pub(super) taken_at: Timestamp,
    pub(super) heads: TreeHash,
    pub(super) key: PublicKey,
    pub(super) next: Option<PublicKey>,
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LedgerIdentity { ledger, shards, format } = self.identity;
        writeln!(f, "{TAG}\nledger {ledger}\nshards {}\nformat {format}", shards.get())?;
        writeln!(f, "sequence {}\nprevious {}", self.sequence, self.previous)?;
        writeln!(f, "taken_at {}\nheads {}\nkey {}", self.taken_at, self.heads, self.key)?;
        match self.next {
            Some(next) => writeln!(f, "next {next}"),
            None => Ok(()),
        }
    }
}

impl Claim {
    /// The bytes that are signed.
    pub(super) fn message(&self) -> String {
        self.to_string()
    }

    /// With its signature, if it is one of the key it names.
    pub(super) fn signed(self, signature: Signature) -> Option<SignedHeader> {
        let signed = self.key.verifies(self.message().as_bytes(), &signature);
        signed.then_some(SignedHeader { claim: self, signature })
    }
}

/// The signed part of a statement, without the heads it speaks of: small enough to go with every proof.
///
/// Its signature is right: nothing else can be made or read. Whether the key that made it is to be trusted is for
/// [`Trust`](super::Trust) to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedHeader {
    claim: Claim,
    signature: Signature,
}

impl SignedHeader {
    /// Which ledger it speaks of.
    pub fn identity(&self) -> &LedgerIdentity {
        &self.claim.identity
    }

    /// Its number: 1, 2, 3 ... without a gap.
    pub fn sequence(&self) -> u64 {
        self.claim.sequence
    }

    /// The hash of the statement before it; [`StatementHash::NONE`] for the first.
    pub fn previous(&self) -> StatementHash {
        self.claim.previous
    }

    /// When it was taken, by the clock of who signed it.
    pub fn taken_at(&self) -> Timestamp {
        self.claim.taken_at
    }

    /// The root of the tree over the heads of all shards.
    pub fn heads_root(&self) -> TreeHash {
        self.claim.heads
    }

    /// The key that signed it.
    pub fn key(&self) -> PublicKey {
        self.claim.key
    }

    /// The key that signs the statements after it, where it is another.
    pub fn next_key(&self) -> Option<PublicKey> {
        self.claim.next
    }

    /// The signature.
    pub fn signature(&self) -> Signature {
        self.signature
    }

    /// The hash that the next statement names. The signature is not part of it.
    pub fn hash(&self) -> StatementHash {
        StatementHash(Sha256::digest(self.claim.message()).into())
    }
}

impl fmt::Display for SignedHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}signature {}", self.claim, self.signature)
    }
}

/// Reads lines of `word value`, and knows where it is.
struct Lines<'a> {
    lines: std::iter::Peekable<std::str::Split<'a, char>>,
    line: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { lines: text.split('\n').peekable(), line: 1 }
    }

    fn wrong<T>(&self, what: &'static str) -> Result<T, StatementTextError> {
        Err(StatementTextError { line: self.line, what })
    }

    /// The line that was just read is wrong.
    fn was_wrong<T>(&self, what: &'static str) -> Result<T, StatementTextError> {
        Err(StatementTextError { line: self.line - 1, what })
    }

    fn next_is(&mut self, word: &str) -> bool {
        self.lines.peek().and_then(|line| line.split_once(' ')).is_some_and(|(found, _)| found == word)
    }

    fn value<T: FromStr + fmt::Display>(
        &mut self,
        word: &str,
        what: &'static str,
    ) -> Result<T, StatementTextError> {
        let line = self.lines.next().and_then(|line| line.split_once(' '));
        let text = line.filter(|(found, _)| *found == word).map(|(_, text)| text);
        // A value has one text: what would be written otherwise is refused.
        let value = text.and_then(|text| text.parse::<T>().ok().filter(|value| value.to_string() == text));
        let Some(value) = value else { return self.wrong(what) };
        self.line += 1;
        Ok(value)
    }

    fn header(&mut self) -> Result<SignedHeader, StatementTextError> {
        match self.lines.next() {
            Some(tag) if tag == TAG => self.line += 1,
            Some(tag) if tag.starts_with("casino-ledger statement ") => {
                return self.wrong("a newer format: use a newer casino-ledger");
            }
            _ => return self.wrong("not a statement of a casino-ledger"),
        }
        let ledger = self.value("ledger", "`ledger` and 32 hexadecimal digits are expected")?;
        let shards: u16 = self.value("shards", "`shards` and their number are expected")?;
        let Ok(shards) = ShardCount::new(shards) else {
            return self.was_wrong("a number of shards is a power of two from 1 to 1,024");
        };
        let format = self.value("format", "`format` and a number are expected")?;
        let claim = Claim {
            identity: LedgerIdentity { ledger, shards, format },
            sequence: self.value("sequence", "`sequence` and a number are expected")?,
            previous: self.value("previous", "`previous` and 64 hexadecimal digits are expected")?,
            taken_at: self.value("taken_at", "`taken_at` and an instant with six digits are expected")?,
            heads: self.value("heads", "`heads` and 64 hexadecimal digits are expected")?,
            key: self.value("key", "`key` and 64 hexadecimal digits are expected")?,
            next: if self.next_is("next") {
                Some(self.value("next", "`next` and 64 hexadecimal digits are expected")?)
            } else {
                None
            },
        };
        if claim.sequence == 0 {
            return self.was_wrong("sequences begin with 1");
        }
        let signature = self.value("signature", "`signature` and 128 hexadecimal digits are expected")?;
        let Some(header) = claim.signed(signature) else {
            return self.was_wrong("the signature is not the key's");
        };
        Ok(header)
    }

    fn head(&mut self, shard: Shard) -> Result<ShardHead, StatementTextError> {
        let line = self.lines.next().unwrap_or_default();
        let mut parts = line.split(' ');
        let mut part = || parts.next().unwrap_or_default();
        let (word, number, position, hash, root) = (part(), part(), part(), part(), part());
        let head = position.parse().ok().zip(hex::parse(hash)).zip(hex::parse(root)).map(
            |((position, hash), root)| ShardHead {
                head: Head { position: Position(position), hash: ledger_store::CommitHash(hash) },
                root: TreeHash(root),
            },
        );
        match head {
            Some(found)
                if written(shard, &found) == line && word == "head" && number == shard.to_string() =>
            {
                self.line += 1;
                Ok(found)
            }
            _ => self.wrong("`head`, shard, position, hash and root are expected"),
        }
    }

    fn end(&mut self) -> Result<(), StatementTextError> {
        if self.lines.next() == Some("") && self.lines.next().is_none() {
            Ok(())
        } else {
            self.wrong("the end is expected")
        }
    }
}

fn written(shard: Shard, ShardHead { head, root }: &ShardHead) -> String {
    format!("head {shard} {} {} {root}", head.position, head.hash)
}

impl FromStr for SignedHeader {
    type Err = StatementTextError;
    fn from_str(text: &str) -> Result<Self, StatementTextError> {
        let mut lines = Lines::new(text);
        let header = lines.header()?;
        lines.end()?;
        Ok(header)
    }
}

/// The heads of all shards at a moment, signed.
///
/// Its text form is its canonical form: what reads is what was written, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    header: SignedHeader,
    heads: Vec<ShardHead>,
}

impl Statement {
    /// The claim that is to be signed for these heads.
    pub(super) fn claim(
        identity: LedgerIdentity,
        (sequence, previous): (u64, StatementHash),
        taken_at: Timestamp,
        heads: &[ShardHead],
        (key, next): (PublicKey, Option<PublicKey>),
    ) -> Claim {
        Claim { identity, sequence, previous, taken_at, heads: root_of(heads), key, next }
    }

    /// A signed claim with its heads, if they are the ones it speaks of.
    pub(super) fn new(header: SignedHeader, heads: Vec<ShardHead>) -> Option<Self> {
        let shards = usize::from(header.identity().shards.get());
        (heads.len() == shards && root_of(&heads) == header.heads_root()).then_some(Self { header, heads })
    }

    /// The signed part.
    pub fn header(&self) -> &SignedHeader {
        &self.header
    }

    /// The shards, in order.
    pub fn heads(&self) -> &[ShardHead] {
        &self.heads
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header.fmt(f)?;
        (0..).zip(&self.heads).try_for_each(|(shard, head)| writeln!(f, "{}", written(Shard(shard), head)))
    }
}

impl FromStr for Statement {
    type Err = StatementTextError;
    fn from_str(text: &str) -> Result<Self, StatementTextError> {
        if text.len() > STATEMENT_BYTES_MAX {
            return Err(StatementTextError { line: 1, what: "a text too long to be a statement" });
        }
        let mut lines = Lines::new(text);
        let header = lines.header()?;
        let shards = header.identity().shards;
        let heads = shards.all().map(|shard| lines.head(shard)).collect::<Result<Vec<_>, _>>()?;
        lines.end()?;
        let what = "the heads are not the ones that were signed";
        Self::new(header, heads).ok_or(StatementTextError { line: lines.line, what })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::signer::{LocalSigner, Signer as _};
    use ledger_store::{FORMAT, LedgerId, genesis};

    fn sign(signer: &LocalSigner, claim: Claim) -> SignedHeader {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let signature = runtime.block_on(signer.sign(claim.message().as_bytes())).unwrap();
        claim.signed(signature).unwrap()
    }

    fn statement(next: bool) -> Statement {
        let identity =
            LedgerIdentity { ledger: LedgerId([7; 16]), shards: ShardCount::new(4).unwrap(), format: FORMAT };
        let signer = LocalSigner::new(&[1; 32]);
        let heads: Vec<_> = identity
            .shards
            .all()
            .map(|shard| ShardHead { head: genesis(&identity, shard), root: Frontier::new().root() })
            .collect();
        let next = next.then(|| LocalSigner::new(&[2; 32]).public_key());
        let taken_at = "2026-11-20T16:00:00Z".parse().unwrap();
        let claim = Statement::claim(
            identity,
            (1, StatementHash::NONE),
            taken_at,
            &heads,
            (signer.public_key(), next),
        );
        Statement::new(sign(&signer, claim), heads).unwrap()
    }

    /// The format is frozen: docs/proofs.md shows it, and a script there reads it.
    #[test]
    fn the_text_is_what_it_always_was() {
        let text = statement(false).to_string();
        let expected = "casino-ledger statement 1\n\
            ledger 07070707070707070707070707070707\n\
            shards 4\n\
            format 1\n\
            sequence 1\n\
            previous 0000000000000000000000000000000000000000000000000000000000000000\n\
            taken_at 2026-11-20T16:00:00.000000Z\n\
            heads 8378c398ff4ab2bbf79a1991fd003e3539eff88b9bc4c6dad9239ef711599939\n\
            key 8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c\n\
            signature 97b91a651ce1caabdddc9ef2d280a818bf80fafe8bb61e9ec169c3973e117baf8e53ae561a8b573c0d57568d4db0fdf76dc144f3bde94c1ace301c9095524103\n";
        let header = statement(false).header().to_string();
        assert_eq!(header, expected);
        assert!(text.starts_with(&header));
        assert_eq!(text.lines().count(), 14);
        assert!(text.lines().nth(10).unwrap().starts_with("head 0 0 "));
    }

    #[test]
    fn what_is_written_is_read() {
        for next in [false, true] {
            let statement = statement(next);
            assert_eq!(statement.header().next_key().is_some(), next);
            assert_eq!(statement.to_string().parse(), Ok(statement.clone()));
            assert_eq!(statement.header().to_string().parse(), Ok(statement.header().clone()));
        }
    }

    #[test]
    fn any_other_byte_is_refused() {
        let statement = statement(true);
        let text = statement.to_string();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(changed.parse::<Statement>().is_err(), "byte {at}: {changed}");
            let shorter = &text[..at];
            assert!(shorter.parse::<Statement>().is_err(), "cut at {at}");
        }
        assert!(format!("{text}\n").parse::<Statement>().is_err());
        assert!(text.replace("shards 4", "shards 04").parse::<Statement>().is_err());
        assert!(text.replace('\n', "\r\n").parse::<Statement>().is_err());
        assert!(text.to_uppercase().parse::<Statement>().is_err());
        let line = |text: &str| text.parse::<Statement>().unwrap_err().line;
        assert_eq!(line("hello"), 1);
        assert_eq!(line(&text.replace("shards 4", "shards 5")), 3);
        assert_eq!(line(&text.replace("statement 1", "statement 2")), 1);
        assert_eq!(line(&text.replace("head 2", "head 3")), 14);
    }

    #[test]
    fn heads_of_another_statement_do_not_fit() {
        let statement = statement(false);
        let mut heads = statement.heads().to_vec();
        heads[2].head.position = Position(1);
        assert!(Statement::new(statement.header().clone(), heads.clone()).is_none());
        heads.pop();
        assert!(Statement::new(statement.header().clone(), heads).is_none());
    }
}
