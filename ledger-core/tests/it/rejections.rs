//! Every rejection, and which is told where two apply (the order of the enum; domain.md D.3).
