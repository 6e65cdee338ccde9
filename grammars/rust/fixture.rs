//! Keeps tokens.

use std::collections::{HashMap, hash_map::Entry as Slot};
//                     ^^^^^^^ import
use crate::parse::Token;
//                ^^^^^ import
use super::*;
//  ^^^^^ import "super"
mod inner;
//  ^^^^^ import "inner"

const LIMIT: usize = 3;
static TABLE: [u8; 2] = [
//     ^^^^^ constant TABLE 13-17
    1,
    2,
];

/// Holds tokens.
///
/// Not thread safe.
#[derive(Debug, Clone)]
pub struct Holder<'a, T: Shape> {
//         ^^^^^^ class Holder 19-27 doc="Holds tokens.  Not thread safe."
    tokens: Vec<Token<'a>>,
//              ^^^^^ type
}
struct Unit;
//     ^^^^ class Unit

pub enum Kind {
//       ^^^^ enum Kind
    Word(String),
    Blank,
}

/** A shape. */
pub trait Shape: Sized {
//        ^^^^^ interface Shape 37-42,47 doc="A shape."
    fn area(&self) -> f64;
//     ^^^^ nothing
    fn twice(&self) -> f64 {
//     ^^^^^ method Shape.twice
        self.area() * factor()
//                    ^^^^^^ call
    }
}

impl<'a, T: Shape> Holder<'a, T> {
//                 ^^^^^^ class Holder
    /// Adds a token.
    #[inline]
    #[must_use]
    pub fn add(&mut self, token: Token<'a>) -> Result<(), Failure> {
//         ^^^ method Holder.add 51-64 doc="Adds a token."
        // nobody is called.
//         ^^^^^^ nothing
        fn local() {}
        self.tokens.push(convert(token)?);
//                       ^^^^^^^ call
        println!("{}", LIMIT);
//      ^^^^^^^ call
        Kind::of(token).collect::<Vec<_>>()
    }
}

impl Shape for Unit {
//             ^^^^ class Unit
//   ^^^^^ type
    fn area(&self) -> f64 { 0.0 }
//     ^^^^ method Unit.area
}

/// Squares.
macro_rules! square {
//           ^^^^^^ function square doc="Squares."
    ($x:expr) => { $x * $x };
}

pub type Pair = (Unit, Unit);
//       ^^^^ type Pair

#[cfg(test)]
mod tests {
//  ^^^^^ module tests
    use super::Holder;

    #[test]
    fn adds() {
//     ^^^^ function tests.adds
        assert_eq!(Holder::new(), square!(2));
//                 ^^^^^^ name
    }
}
