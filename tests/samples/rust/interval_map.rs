//! A map from half-open integer ranges to values.
//!
//! Ranges never overlap: inserting over existing ones cuts or replaces them, and neighbours
//! with equal values are joined. Look-ups and inserts cost the logarithm of the number of
//! ranges, plus the number of ranges replaced.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Bound, Range};

#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece<V> {
    end: u64,
    value: V,
}

/// See the module's documentation.
#[derive(Clone, Default)]
pub struct IntervalMap<V> {
    /// Keyed by the start of each piece.
    pieces: BTreeMap<u64, Piece<V>>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum InsertError {
    Empty,
    Reversed { start: u64, end: u64 },
}

impl fmt::Display for InsertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InsertError::Empty => write!(f, "the range is empty"),
            InsertError::Reversed { start, end } => {
                write!(f, "the range ends at {end}, before its start {start}")
            }
        }
    }
}

impl std::error::Error for InsertError {}

impl<V: Clone + Eq> IntervalMap<V> {
    pub fn new() -> Self {
        IntervalMap {
            pieces: BTreeMap::new(),
        }
    }

    pub fn len(&self) -> usize {
        self.pieces.len()
    }

    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub fn get(&self, position: u64) -> Option<&V> {
        let (_, piece) = self.pieces.range(..=position).next_back()?;
        (position < piece.end).then_some(&piece.value)
    }

    pub fn insert(&mut self, range: Range<u64>, value: V) -> Result<(), InsertError> {
        if range.start == range.end {
            return Err(InsertError::Empty);
        }
        if range.start > range.end {
            return Err(InsertError::Reversed {
                start: range.start,
                end: range.end,
            });
        }
        self.remove(range.clone());

        let Range { mut start, mut end } = range;
        // Join with the neighbour on the left and the one on the right.
        if let Some((&left, piece)) = self.pieces.range(..start).next_back() {
            if piece.end == start && piece.value == value {
                self.pieces.remove(&left);
                start = left;
            }
        }
        if let Some(right) = self.pieces.get(&end) {
            if right.value == value {
                let right_end = right.end;
                self.pieces.remove(&end);
                end = right_end;
            }
        }
        self.pieces.insert(start, Piece { end, value });
        Ok(())
    }

    /// Forgets what lies in `range`, cutting pieces that reach over its borders.
    pub fn remove(&mut self, range: Range<u64>) {
        if range.start >= range.end {
            return;
        }
        self.split_at(range.start);
        self.split_at(range.end);
        let inside: Vec<u64> = self
            .pieces
            .range(range)
            .map(|(&start, _)| start)
            .collect();
        for start in inside {
            self.pieces.remove(&start);
        }
    }

    fn split_at(&mut self, position: u64) {
        let before = (Bound::Unbounded, Bound::Excluded(position));
        let Some((_, piece)) = self.pieces.range_mut(before).next_back() else {
            return;
        };
        if piece.end <= position {
            return;
        }
        let tail = Piece {
            end: piece.end,
            value: piece.value.clone(),
        };
        piece.end = position;
        self.pieces.insert(position, tail);
    }

    pub fn iter(&self) -> impl Iterator<Item = (Range<u64>, &V)> + '_ {
        self.pieces
            .iter()
            .map(|(&start, piece)| (start..piece.end, &piece.value))
    }

    /// The parts of `range` that have no value.
    pub fn gaps(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut gaps = Vec::new();
        let mut position = range.start;
        for (piece, _) in self.iter() {
            if piece.end <= position {
                continue;
            }
            if piece.start >= range.end {
                break;
            }
            if piece.start > position {
                gaps.push(position..piece.start);
            }
            position = piece.end;
        }
        if position < range.end {
            gaps.push(position..range.end);
        }
        gaps
    }
}

impl<V: fmt::Debug> fmt::Debug for IntervalMap<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(self.pieces.iter().map(|(start, p)| (start..&p.end, &p.value)))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inserting_over_cuts_on_both_sides() {
        let mut map = IntervalMap::new();
        map.insert(0..10, 'a').unwrap();
        map.insert(3..6, 'b').unwrap();
        let pieces: Vec<_> = map.iter().map(|(range, &value)| (range, value)).collect();
        assert_eq!(pieces, vec![(0..3, 'a'), (3..6, 'b'), (6..10, 'a')]);
    }

    #[test]
    fn equal_neighbours_are_joined() {
        let mut map = IntervalMap::new();
        map.insert(0..5, "x").unwrap();
        map.insert(5..9, "x").unwrap();
        assert_eq!(map.len(), 1);
        assert_eq!(map.get(8), Some(&"x"));
        assert_eq!(map.gaps(0..12), vec![9..12]);
        assert_eq!(map.insert(4..4, "y"), Err(InsertError::Empty));
    }
}
