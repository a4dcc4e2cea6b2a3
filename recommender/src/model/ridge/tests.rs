//! Both ways of solving a ridge, against the formula and each other.

use super::*;
use crate::data::generated::World;

fn knobs(penalty: f32) -> RidgeKnobs {
    RidgeKnobs { penalty, dropout: 0.0, neighbours: 1_000 }
}

#[test]
fn it_is_the_formula() {
    // X = [[1,1,0],[1,1,1],[0,1,1]]: G = [[2,2,1],[2,3,2],[1,2,2]], and with a penalty of 1 the inverse of G + 1 is
    // [[8,-4,0],[-4,8,-4],[0,-4,8]] / 16, so that B is minus each column over its own diagonal.
    let liked = Sparse::from_rows(3, [vec![(0, 1.0), (1, 1.0)], vec![(0, 1.0), (1, 1.0), (2, 1.0)], vec![(1, 1.0), (2, 1.0)]]);
    for trained in [exact::train(&liked, knobs(1.0)), local::train(&liked, knobs(1.0))] {
        let weight = |from, to| trained.weight(from, to);
        for (from, to, expected) in [(1, 0, 0.5), (2, 0, 0.0), (0, 1, 0.5), (2, 1, 0.5), (0, 2, 0.0), (1, 2, 0.5), (1, 1, 0.0)] {
            assert!((weight(from, to) - expected).abs() < 1e-5, "{from} {to}: {}", weight(from, to));
        }
    }
}

#[test]
fn neighbourhoods_that_hold_everything_are_exact() {
    let liked = World { profiles: 4_000, titles: 60, tastes: 4, ..World::small(3) }.watches().liked();
    let dropout = RidgeKnobs { dropout: 0.25, ..knobs(20.0) };
    for knobs in [knobs(20.0), dropout] {
        let (exact, local) = (exact::train(&liked, knobs), local::train(&liked, knobs));
        // All of these titles were watched with each other.
        let far = (0..60).flat_map(|from| (0..60).map(move |to| (from, to)));
        let worst = far.map(|(from, to)| (exact.weight(from, to) - local.weight(from, to)).abs()).fold(0.0, f32::max);
        assert!(worst < 0.002, "{worst}");
    }
}

#[test]
fn a_column_by_itself_is_that_of_the_whole() {
    let liked = World::small(4).watches().liked();
    let titles: Vec<u32> = (0..240).step_by(7).collect();
    let whole = train(&liked, RidgeKnobs::default());
    for (title, column) in titles.iter().zip(columns(&liked, &titles, RidgeKnobs::default())) {
        assert!(!column.is_empty() && column.is_sorted_by_key(|(other, _)| *other));
        // A title that it was never liked with is not its neighbour, and says little where it is.
        let worst = column.iter().map(|(other, weight)| (whole.weight(*other, *title) - weight).abs()).fold(0.0, f32::max);
        assert!(worst < 0.02, "{title}: {worst}");
    }
    let knobs = RidgeKnobs { neighbours: 20, ..knobs(3.0) };
    let whole = local::train(&liked, knobs);
    for (title, column) in titles.iter().zip(local::columns(&liked, &titles, knobs)) {
        let entries = (0..240).filter(|other| whole.weight(*other, *title) != 0.0).count();
        assert_eq!(column.len(), entries);
        assert!(column.iter().all(|(other, weight)| (whole.weight(*other, *title) - weight).abs() < 1e-4), "{title}");
    }
}

#[test]
fn odd_data_has_an_answer() {
    for liked in [
        Sparse::from_rows(0, []),
        Sparse::from_rows(1, [vec![(0, 1.0)]]),
        Sparse::from_rows(3, [vec![], vec![(2, 1.0)]]),
        Sparse::from_rows(2, (0..50).map(|_| vec![(0, 1.0), (1, 1.0)])),
    ] {
        for trained in [exact::train(&liked, knobs(10.0)), local::train(&liked, knobs(10.0))] {
            let titles = liked.width() as u32;
            assert!((0..titles).all(|from| (0..titles).all(|to| trained.weight(from, to).is_finite())));
        }
        let titles: Vec<u32> = (0..liked.width() as u32).collect();
        assert_eq!(columns(&liked, &titles, knobs(10.0)).len(), titles.len());
    }
}
