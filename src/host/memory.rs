//! Gives back the memory of code that only the start of the process needed.
//!
//! Never touches a page that was written to, and never one that no file brings back. Nothing happens on systems other than
//! Linux.

use std::ops::Range;

/// Unmaps the code and the constants of this program and its libraries: what is still in use comes back from the page cache
/// as it is touched, in windows of 64 KiB; what only read arguments and configuration does not. How many bytes were unmapped.
#[cfg(target_os = "linux")]
#[must_use]
#[expect(unsafe_code, reason = "no safe call drops clean pages")]
pub fn give_back() -> usize {
    let Ok(maps) = std::fs::read_to_string("/proc/self/smaps") else { return 0 };
    let mut bytes = 0;
    for range in clean_code(&maps) {
        let start = std::ptr::with_exposed_provenance_mut(range.start);
        // SAFETY: the range is a mapping of this process that cannot be written to and never was (it has no anonymous page),
        // of a file that is executed and so cannot change: a page that is touched again reads the same.
        if unsafe { libc::madvise(start, range.len(), libc::MADV_DONTNEED) } == 0 {
            bytes += range.len();
        }
    }
    trim();
    bytes
}

/// Gives back what the start allocated and freed.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "no safe call trims the heap")]
fn trim() {
    // SAFETY: the allocator locks itself; only memory that nobody holds leaves.
    let _ = unsafe { libc::malloc_trim(0) };
}

/// Other allocators do it themselves.
#[cfg(all(target_os = "linux", not(target_env = "gnu")))]
const fn trim() {}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn give_back() -> usize {
    0
}

/// The ranges of `/proc/self/smaps` that can be dropped: private, not writable, without an anonymous page, and of a file of
/// which some part is executable.
fn clean_code(maps: &str) -> Vec<Range<usize>> {
    let mut found: Vec<(Range<usize>, &str)> = Vec::new();
    let mut programs = Vec::new();
    let mut current = None;
    for line in maps.lines() {
        if let Some(mapping) = mapping(line) {
            let (range, rights, path) = mapping;
            if rights == "r-xp" && path.starts_with('/') {
                programs.push(path);
            }
            current = (path.starts_with('/') && matches!(rights, "r-xp" | "r--p")).then_some((range, path));
        } else if let Some(kilobytes) = line.strip_prefix("Anonymous:") {
            let clean = kilobytes.trim() == "0 kB";
            found.extend(current.take().filter(|_| clean));
        }
    }
    found.retain(|(_, path)| programs.contains(path));
    found.into_iter().map(|(range, _)| range).collect()
}

/// Addresses, rights and file of the first line of a mapping.
fn mapping(line: &str) -> Option<(Range<usize>, &str, &str)> {
    let mut words = line.splitn(6, ' ');
    let (start, end) = words.next()?.split_once('-')?;
    let parse = |hex| usize::from_str_radix(hex, 16).ok();
    let (range, rights) = (parse(start)?..parse(end)?, words.next()?);
    Some((range, rights, words.nth(3)?.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPS: &str = "\
1000-3000 r--p 00000000 fe:00 42                         /usr/bin/hangup
Size:                  8 kB
Anonymous:             0 kB
VmFlags: rd mr mw me
3000-9000 r-xp 00002000 fe:00 42                         /usr/bin/hangup
Anonymous:             0 kB
9000-a000 r--p 00008000 fe:00 42                         /usr/bin/hangup
Anonymous:             4 kB
a000-b000 rw-p 00009000 fe:00 42                         /usr/bin/hangup
Anonymous:             0 kB
b000-c000 r--p 00000000 fe:00 43                         /usr/share/a file
Anonymous:             0 kB
c000-d000 rw-p 00000000 00:00 0
Anonymous:             0 kB
d000-e000 r-xp 00000000 00:00 0                          [vdso]
Anonymous:             0 kB
";

    #[test]
    fn only_clean_pages_of_programs_are_dropped() {
        assert_eq!(clean_code(MAPS), [0x1000..0x3000, 0x3000..0x9000]);
        assert!(clean_code("nonsense\nAnonymous: 0 kB\n-\n1-2\n").is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_process_goes_on_with_what_comes_back() {
        assert!(give_back() > 0);
        assert_eq!(clean_code(MAPS).len(), 2);
        assert!(give_back() > 0);
    }
}
