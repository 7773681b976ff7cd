//! A disk that forgets: the file layer for tests of power cuts, failing writes and forgotten syncs.
