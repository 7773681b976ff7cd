//! Proptest strategies for histories in which everything that goes wrong in practice happens often.
