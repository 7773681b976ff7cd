//! Configuration documents: plain, versioned JSON documents, published by two persons, found by the hash of their
//! content. This is the mechanism; what a kind of document may say is its [`DocumentCheck`]'s.
//!
//! A document is named by its kind and a name within it. Publishing makes a new version of it, in force from an
//! instant on. In force at any instant is the newest version that takes effect by then: so a later publication may
//! replace one that is still to come.
//!
//! The content stands once in the log, in a stream named by its hash; a version names the hash. The live state has the
//! content of every version that is or may yet be in force, so that a decision, a check of another document and a
//! snapshot need nothing older. What left the live state and comes back is stored again.

mod check;
mod command;
mod configuration;
mod content;
mod diff;

pub use check::{DocumentCheck, DocumentDraft, POLICY_DOCUMENT, POLICY_KIND, policy_of};
pub use command::{PublishDocument, configuration_partition};
pub(super) use configuration::stored;
pub use configuration::{
    CONFIGURATION_BYTES_MAX, Configuration, DOCUMENTS_MAX, DocumentVersion, PublishedDocument, VERSIONS_MAX,
};
pub use content::{DOCUMENT_BYTES_MAX, DocumentContent, DocumentContentError};
pub use diff::{DocumentChange, diff_documents};
