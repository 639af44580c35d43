//! Which connections of a configuration run in this process, where several share them. Pure.
//!
//! Never changes from one version to the next: replicas of two versions must not both run a connection, nor none of them.

use std::fmt;
use std::str::FromStr;

use super::Connection;

/// One of several processes that share the connections of one configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u32,
    of: u32,
}

/// More processes than anybody shares a configuration among.
const MOST: u32 = 10_000;

impl Shard {
    /// Which one, from 0 on.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many there are.
    #[must_use]
    pub const fn of(self) -> u32 {
        self.of
    }

    /// Whether a connection of this name runs here: the jump consistent hash (Lamping and Veach, 2014) of the FNV-1a hash
    /// (64 bits) of its name. With one process more, one in so many connections moves, to the new one.
    #[must_use]
    pub fn holds(self, name: &str) -> bool {
        jump(fnv1a(name.as_bytes()), self.of) == self.index
    }

    /// Takes those out that run elsewhere.
    pub fn keep(self, connections: &mut Vec<Connection>) {
        connections.retain(|connection| self.holds(&connection.name));
    }
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3))
}

/// The bucket of a key, 0 to `buckets - 1`.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the algorithm is defined by exactly this arithmetic"
)]
fn jump(mut key: u64, buckets: u32) -> u32 {
    let (mut bucket, mut next) = (0_i64, 0_i64);
    while next < i64::from(buckets) {
        bucket = next;
        key = key.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
        next = ((bucket + 1) as f64 * ((1_i64 << 31) as f64 / ((key >> 33) + 1) as f64)) as i64;
    }
    bucket as u32
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(index, of)| Some((number(index)?, number(of)?)));
        let right = parts.filter(|(index, of)| index < of && *of <= MOST);
        right.map(|(index, of)| Self { index, of }).ok_or_else(|| {
            "write which one of how many, counted from 0: `0/3`, `1/3` and `2/3` are the three that share a configuration"
                .to_owned()
        })
    }
}

fn number(text: &str) -> Option<u32> {
    text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as this test stands, every version ever released agrees on where a connection runs.
    #[test]
    fn the_hash_is_the_one_that_it_always_was() {
        assert_eq!(fnv1a(b""), 0xCBF2_9CE4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xAF63_DC4C_8601_EC8C);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_F739_67E8);
        let jumps = [
            (0, 1, 0),
            (1, 1, 0),
            (0, 2, 0),
            (1, 2, 0),
            (10_863_919_174_838_991, 11, 6),
            (0xDEAD_10CC, 666, 361),
            (256, 1024, 520),
        ];
        for (key, buckets, bucket) in jumps {
            assert_eq!(jump(key, buckets), bucket, "{key} among {buckets}");
        }
        let places = ["home", "office", "plant-1", "plant-2", "plant-3", "Küche"]
            .map(|name| jump(fnv1a(name.as_bytes()), 3));
        assert_eq!(places, PLACES);
    }

    const PLACES: [u32; 6] = [1, 1, 1, 0, 0, 2];

    fn shard(text: &str) -> Shard {
        text.parse().unwrap()
    }

    #[test]
    fn each_connection_runs_in_exactly_one_process_and_few_move_to_a_new_one() {
        let (mut moved, mut counts) = (0, [0; 4]);
        for name in (0..4_000).map(|n| format!("plant-{n}")) {
            let at =
                |of: u32| (0..of).filter(|i| shard(&format!("{i}/{of}")).holds(&name)).collect::<Vec<_>>();
            let (three, four) = (at(3), at(4));
            assert_eq!((three.len(), four.len()), (1, 1));
            if three != four {
                assert_eq!(four, [3], "{name}");
                moved += 1;
            }
            counts[four[0] as usize] += 1;
        }
        assert!((900..1_100).contains(&moved), "{moved}");
        assert!(counts.iter().all(|count| (900..1_100).contains(count)), "{counts:?}");
    }

    #[test]
    fn only_one_of_several_is_a_shard() {
        for wrong in ["", "1", "3/3", "0/0", "1/2/3", "-1/3", "+1/3", "a/b", "0/10001", " 0/3"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!(shard("2/3").to_string(), "2/3");
        assert_eq!((shard("0/1").index(), shard("0/1").of()), (0, 1));
    }
}
