//! What loops of damaged inputs share: the damage, how many, from which seed, and what each input takes of memory.
//!
//! Never counts what other threads hold: tests run beside each other.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "shared by several test crates, each using a part"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// Counts what a thread has allocated and not yet given back.
struct Counting;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

/// A block of memory and its end: for a moment both of them are held.
fn count(more: usize, less: usize) {
    let [more, less] = [more, less].map(usize::cast_signed);
    // A thread that ends has nothing to count any more.
    let _ = HELD.try_with(|held| {
        let highest = held.get() + more;
        held.set(highest - less);
        let _ = MOST.try_with(|most| most.set(most.get().max(highest)));
    });
}

#[expect(unsafe_code, reason = "an allocator is an unsafe trait; this one only counts")]
// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), 0);
        // SAFETY: as the caller promised.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(0, layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, layout.size());
        // SAFETY: as the caller promised.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What this thread holds, in bytes. Less than nothing, when it gave back what another one had taken.
pub fn held() -> isize {
    HELD.get()
}

/// Does something, and tells how many bytes it held at most beyond what was held before.
pub fn took<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    MOST.set(before);
    let done = work();
    (done, usize::try_from(MOST.get() - before).unwrap())
}

/// A number of the environment.
pub fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

/// Where the damage begins: `HANGUP_SEED`, or always the same.
pub fn seed() -> u64 {
    number("HANGUP_SEED", 1)
}

/// Tells what was measured, for who asks with `--nocapture`.
pub fn tell(figures: &str) {
    eprintln!("{figures}");
}

/// Damages bytes in one place. The marks are bytes that mean something to who reads them.
pub fn bytes(bytes: &mut Vec<u8>, marks: &[u8], random: &mut fastrand::Rng) {
    let mark = marks[random.usize(..marks.len())];
    if bytes.is_empty() {
        return bytes.push(mark);
    }
    let at = random.usize(..bytes.len());
    match random.u8(..8) {
        0 => bytes.truncate(at),
        1 => bytes.insert(at, mark),
        2 => bytes[at] = mark,
        3 => bytes[at] = random.u8(..),
        4 => drop(bytes.remove(at)),
        5 => bytes[at] ^= 1 << random.u8(..8),
        6 => {
            let part = bytes[at..bytes.len().min(at + random.usize(1..16))].to_vec();
            let to = random.usize(..=bytes.len());
            drop(bytes.splice(to..to, part));
        }
        _ => {
            // A part comes again, as often as makes a short message a long one.
            let part = bytes[at..bytes.len().min(at + random.usize(1..40))].to_vec();
            drop(bytes.splice(at..at, part.repeat(random.usize(1..40))));
        }
    }
}
