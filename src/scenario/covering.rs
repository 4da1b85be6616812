//! Covering arrays: few rows such that any two (or three) values of different variables meet in one of them.
//!
//! Greedy and deterministic: each row starts from the first combination that is still missing, and every further
//! variable takes the value that completes most of the missing ones.

use std::collections::BTreeSet;

use rand_chacha::ChaCha8Rng;

use super::file::Cover;
use super::seed;

/// Variables and their values, by index.
type Combination = Vec<(usize, usize)>;

/// The rows for variables of so many values each: in every row one value for each variable.
pub(super) fn rows(widths: &[usize], cover: Cover) -> Vec<Vec<usize>> {
    let strength = match cover {
        Cover::Full => widths.len(),
        Cover::Pairs => 2,
        Cover::Triples => 3,
    };
    if strength >= widths.len() { product(widths) } else { covering(widths, strength) }
}

/// The same for other combinations of as many variables at a time, as a seed draws them; those of all are always the same.
pub(super) fn drawn(widths: &[usize], cover: Cover, rng: &mut ChaCha8Rng) -> Vec<Vec<usize>> {
    let mut rows = rows(widths, cover);
    let values: Vec<_> = widths.iter().map(|width| seed::shuffled(rng, *width)).collect();
    for (value, values) in rows.iter_mut().flat_map(|row| row.iter_mut().zip(&values)) {
        *value = values[*value];
    }
    rows.sort_unstable();
    rows
}

/// A lower bound on the number of rows, without making them.
pub(super) fn least(widths: &[usize], cover: Cover) -> usize {
    let strength = match cover {
        Cover::Full => widths.len(),
        Cover::Pairs => 2,
        Cover::Triples => 3,
    };
    let mut widths = widths.to_vec();
    widths.sort_unstable_by(|a, b| b.cmp(a));
    widths.iter().take(strength).fold(1, |cases: usize, width| cases.saturating_mul(*width))
}

/// Every combination; the last variable changes first.
fn product(widths: &[usize]) -> Vec<Vec<usize>> {
    widths.iter().fold(vec![Vec::new()], |rows, width| {
        let longer = |row: &Vec<usize>, value| row.iter().copied().chain([value]).collect();
        rows.iter().flat_map(|row| (0..*width).map(move |value| longer(row, value))).collect()
    })
}

fn covering(widths: &[usize], strength: usize) -> Vec<Vec<usize>> {
    let mut missing = combinations(widths, strength);
    let mut rows = Vec::new();
    while let Some(first) = missing.first().cloned() {
        let row = complete(widths, &first, &missing, strength);
        missing.retain(|combination| combination.iter().any(|(variable, value)| row[*variable] != *value));
        rows.push(row);
    }
    rows
}

/// Every combination of values of `strength` variables.
fn combinations(widths: &[usize], strength: usize) -> BTreeSet<Combination> {
    let chosen = subsets(widths.len(), strength);
    let all = chosen.into_iter().flat_map(|variables| {
        let widths: Vec<_> = variables.iter().map(|variable| widths[*variable]).collect();
        product(&widths).into_iter().map(move |values| variables.iter().copied().zip(values).collect())
    });
    all.collect()
}

/// The sets of `size` numbers below `count`, each ascending.
fn subsets(count: usize, size: usize) -> Vec<Vec<usize>> {
    if size == 0 {
        return vec![Vec::new()];
    }
    let larger = |set: Vec<usize>| {
        let from = set.last().map_or(0, |last| last + 1);
        (from..count).map(move |next| set.iter().copied().chain([next]).collect())
    };
    subsets(count, size - 1).into_iter().flat_map(larger).collect()
}

fn complete(
    widths: &[usize],
    first: &[(usize, usize)],
    missing: &BTreeSet<Combination>,
    strength: usize,
) -> Vec<usize> {
    let mut row: Vec<Option<usize>> = vec![None; widths.len()];
    for (variable, value) in first {
        row[*variable] = Some(*value);
    }
    for variable in 0..widths.len() {
        if row[variable].is_none() {
            let gain = |value: &usize| gain(&row, (variable, *value), missing, strength);
            // The first of the best: `max_by_key` alone would take the last.
            row[variable] = (0..widths[variable]).rev().max_by_key(gain);
        }
    }
    row.into_iter().flatten().collect()
}

/// How many missing combinations a further value would complete.
fn gain(row: &[Option<usize>], next: (usize, usize), missing: &BTreeSet<Combination>, strength: usize) -> usize {
    let set: Vec<_> = (0..row.len()).filter_map(|variable| Some((variable, row[variable]?))).collect();
    let others = subsets(set.len(), strength - 1);
    let completed = others.into_iter().filter(|chosen| {
        let mut combination: Combination = chosen.iter().map(|index| set[*index]).chain([next]).collect();
        combination.sort_unstable();
        missing.contains(&combination)
    });
    completed.count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_covered(widths: &[usize], strength: usize, rows: &[Vec<usize>]) {
        for combination in combinations(widths, strength) {
            let met = rows.iter().any(|row| combination.iter().all(|(variable, value)| row[*variable] == *value));
            assert!(met, "{combination:?} of {widths:?}");
        }
    }

    #[test]
    fn any_two_values_meet() {
        for widths in [&[3, 3, 3, 3][..], &[7, 2, 2, 5], &[1, 4, 1, 4, 2], &[10, 10, 10]] {
            let rows = rows(widths, Cover::Pairs);
            assert_covered(widths, 2, &rows);
            assert!(rows.len() < product(widths).len());
        }
    }

    #[test]
    fn any_three_values_meet() {
        for widths in [&[2, 2, 2, 2, 2][..], &[4, 3, 2, 3], &[5, 1, 5, 2]] {
            assert_covered(widths, 3, &rows(widths, Cover::Triples));
        }
    }

    #[test]
    fn another_seed_draws_other_rows_and_they_cover_as_much() {
        let widths = &[7, 2, 2, 5];
        let drawn = |seed| drawn(widths, Cover::Pairs, &mut seed::generator(seed, "rows"));
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        (0..20).for_each(|seed| assert_covered(widths, 2, &drawn(seed)));
        let all = super::drawn(&[2, 3], Cover::Full, &mut seed::generator(1, "rows"));
        assert_eq!(all, rows(&[2, 3], Cover::Full));
    }

    #[test]
    fn few_rows_suffice() {
        assert!(rows(&[3, 3, 3, 3], Cover::Pairs).len() <= 13);
        assert!(rows(&[10, 10, 10], Cover::Pairs).len() <= 160);
    }

    #[test]
    fn two_variables_in_pairs_are_the_full_product() {
        assert_eq!(rows(&[2, 3], Cover::Pairs).len(), 6);
        assert_eq!(rows(&[], Cover::Full), [Vec::<usize>::new()]);
    }
}
