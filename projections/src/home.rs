//! Where a view lives: the live one, and at most one that is being built beside it.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::ViewError;
use crate::view::View;

/// What a home has that readers see.
#[derive(Debug)]
pub enum Live<V> {
    /// A view of this build's version, to be followed on.
    Ready(V),
    /// A view that another version of the fold made. This build cannot go on with it; it stays as it is until one
    /// that was built beside it takes its place.
    Other {
        /// The version that made it.
        version: u32,
    },
}

/// Whether to go on with a view that is being built, or to begin anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Building {
    /// Go on, if there is one of this build's version.
    Resume,
    /// Drop what there is and begin with nothing.
    Anew,
}

/// A place for one view in two generations: the live one, which readers see, and one that is built beside it.
///
/// A [`Runner`](crate::Runner) uses it; [`MemoryHome`](crate::MemoryHome),
/// [`sqlite::SqliteHome`](crate::sqlite::SqliteHome) and
/// [`postgres::PostgresHome`](crate::postgres::PostgresHome) are homes for every model, and [`Solo`] holds one view that
/// cannot be rebuilt. A generation that is being built shares nothing with the live one, so that neither slows nor
/// changes the other (V10).
#[async_trait]
pub trait Home: Send + Sync + 'static {
    /// The view.
    type View: View;

    /// The view's name.
    fn name(&self) -> &str;

    /// The version of this build's fold.
    fn version(&self) -> u32;

    /// Opens the live view; makes an empty one if there is none of any version. May be called again after the view
    /// it gave was dropped.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the home holds something else, is used by another runner, or cannot be asked.
    async fn live(&self) -> Result<Live<Self::View>, ViewError>;

    /// Opens the view that is being built; `None` if there is nothing to resume.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the home cannot have one or cannot be asked.
    async fn building(&self, how: Building) -> Result<Option<Self::View>, ViewError>;

    /// Makes the view that was built the live one, at one instant and for good: readers see the old one before and
    /// the new one after it, whatever is killed when. The old one is kept until [`Self::tidy`].
    ///
    /// # Errors
    ///
    /// [`ViewError`] if that did not happen; then the old one is still the live one.
    async fn swap(&self, built: &mut Self::View) -> Result<(), ViewError>;

    /// Drops the view that is being built.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the home cannot be asked.
    async fn discard(&self) -> Result<(), ViewError>;

    /// Drops every generation older than the live one.
    ///
    /// # Errors
    ///
    /// [`ViewError`] if the home cannot be asked.
    async fn tidy(&self) -> Result<(), ViewError>;
}

/// The home of one view that has no other: it cannot be rebuilt, and not be opened again after a panic.
#[derive(Debug)]
pub struct Solo<V> {
    name: String,
    version: u32,
    view: Mutex<Option<V>>,
}

impl<V: View> Solo<V> {
    /// A home for a view.
    pub fn new(view: V) -> Self {
        Self { name: view.name().to_owned(), version: view.version(), view: Mutex::new(Some(view)) }
    }

    fn no_other<T>(&self) -> Result<T, ViewError> {
        Err(ViewError::home(format!(
            "the view {} was given without a home: there is one of it only",
            self.name
        )))
    }
}

#[async_trait]
impl<V: View> Home for Solo<V> {
    type View = V;

    fn name(&self) -> &str {
        &self.name
    }

    fn version(&self) -> u32 {
        self.version
    }

    async fn live(&self) -> Result<Live<V>, ViewError> {
        let view = self.view.lock().unwrap_or_else(PoisonError::into_inner).take();
        view.map_or_else(|| self.no_other(), |view| Ok(Live::Ready(view)))
    }

    async fn building(&self, how: Building) -> Result<Option<V>, ViewError> {
        if how == Building::Resume { Ok(None) } else { self.no_other() }
    }

    async fn swap(&self, _: &mut V) -> Result<(), ViewError> {
        self.no_other()
    }

    async fn discard(&self) -> Result<(), ViewError> {
        Ok(())
    }

    async fn tidy(&self) -> Result<(), ViewError> {
        Ok(())
    }
}
