//! glacier
fn main() {}
