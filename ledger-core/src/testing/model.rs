/// Placeholder.
#[derive(Debug)]
pub struct Model;
/// Placeholder.
#[derive(Debug)]
pub struct ModelAnswer;
