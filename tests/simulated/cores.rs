//! Long work over the simulator takes as many processors as there are.

use std::sync::Mutex;

/// Plays each to its end.
pub(crate) fn on_all_cores<T: Send>(items: &mut [T], play: impl Fn(&mut T) + Sync) {
    let next = Mutex::new(items.iter_mut());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(item) = { next.lock().expect("no thread panicked").next() } {
                    play(item);
                }
            });
        }
    });
}
