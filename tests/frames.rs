//! The frame decoders of both versions against millions of damaged packets: no panic, no memory beyond a packet's limit.
//!
//! `HANGUP_FRAMES` sets how many (10,000,000 take minutes with `--release`), `HANGUP_SEED` where they begin. Never a
//! fixed list of bad bytes: those stand beside the codec.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

#[path = "support/damage.rs"]
mod damage;

use bytes::BytesMut;
use hangup::connection::codec::Codec;
use hangup::connection::plan::Version;

/// Unless the environment asks for another number.
const FRAMES: u64 = 50_000;
/// Bytes of the largest packet that is taken.
const LIMIT: usize = 4096;
/// What one packet may take besides: its own structures, and 64 user properties of 48 bytes that grow by doubling.
const SLACK: usize = 64 * 48 * 2 + 4096;

/// Well-formed packets to damage: one of each kind, with every property somewhere.
const SEEDS: &[&[u8]] = &[
    &[0x20, 2, 1, 0],
    &[0x20, 24, 0, 0, 21, 0x11, 0, 0, 0, 9, 0x21, 0, 5, 0x24, 1, 0x25, 0, 0x27, 0, 0, 9, 9, 0x13, 0, 7, 0x2A],
    &[0x20, 17, 0, 0x9D, 14, 0x12, 0, 1, b'c', 0x1F, 0, 1, b'r', 0x1C, 0, 3, b's', b'r', b'v'],
    &[0x30, 9, 0, 3, b'a', b'/', b'b', b'1', b'2', b'3', b'4'],
    &[0x3D, 9, 0, 1, b'a', 1, 0, 0, b'x', b'y', b'z'],
    &[0x32, 19, 0, 1, b'a', 0, 9, 12, 0x26, 0, 1, b'k', 0, 1, b'v', 0x03, 0, 1, b't', 0, b'x'],
    &[0x34, 21, 0, 1, b'a', 0, 9, 15, 1, 1, 2, 0, 0, 0, 9, 0x0B, 0x80, 1, 0x08, 0, 1, b'r', 0x09, 0, 0],
    &[0x40, 2, 0, 9],
    &[0x50, 3, 0, 9, 0x87],
    &[0x62, 8, 0, 9, 0x92, 4, 0x1F, 0, 1, b'r'],
    &[0x70, 4, 0, 9, 0, 0],
    &[0x90, 5, 0, 9, 1, 0x80, 2],
    &[0x90, 10, 0, 9, 4, 0x1F, 0, 1, b'r', 0x87, 0x97, 0],
    &[0xB0, 3, 0, 9, 0],
    &[0xD0, 0],
    &[0xE0, 0],
    &[0xE0, 10, 0x8E, 8, 0x1F, 0, 1, b'r', 0x1C, 0, 1, b's'],
    &[0xF0, 2, 0x18, 0],
    &[0x10, 0],
    &[0x82, 0],
];

/// What is damaged goes into `bytes`.
fn damaged(random: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
    bytes.clear();
    for _ in 0..random.usize(1..4) {
        bytes.extend_from_slice(SEEDS[random.usize(..SEEDS.len())]);
    }
    for _ in 0..random.usize(..6) {
        let place = random.usize(..bytes.len());
        match random.u8(..7) {
            0 => bytes[place] ^= 1 << random.u8(..8),
            1 => bytes[place] = random.u8(..),
            2 => bytes[place] = [0x00, 0x01, 0x7F, 0x80, 0xFF][random.usize(..5)],
            3 => bytes.insert(place, random.u8(..)),
            4 => bytes.truncate(place.max(1)),
            5 => {
                // A part comes again, as often as makes the packet a large one.
                let part = bytes[place..bytes.len().min(place + random.usize(1..12))].to_vec();
                let times = random.usize(1..40);
                let again: Vec<u8> = part.repeat(times);
                bytes.splice(place..place, again);
            }
            _ => {
                bytes.remove(place);
                if bytes.is_empty() {
                    bytes.push(0x30);
                }
            }
        }
    }
    // Most lengths are put right, or hardly a packet would be looked into.
    let body = bytes.len() - 2.min(bytes.len());
    if random.u8(..4) > 0 && bytes.len() > 3 && body < LIMIT {
        if body < 128 {
            bytes[1] = u8::try_from(body).unwrap();
        } else {
            let rest = bytes.len() - 3;
            bytes[1] = 0x80 | u8::try_from(rest & 0x7F).unwrap();
            bytes[2] = u8::try_from(rest >> 7).unwrap();
        }
    }
}

#[test]
fn damaged_frames_break_nothing_and_take_no_more_memory_than_a_packet_may() {
    let (count, seed) = (damage::number("HANGUP_FRAMES", FRAMES), damage::seed());
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut bytes, mut packets, mut faults) = (Vec::with_capacity(16 * LIMIT), 0_u64, 0_u64);
    let mut buffer = BytesMut::with_capacity(16 * LIMIT);
    for turn in 0..count {
        damaged(&mut random, &mut bytes);
        for version in [Version::V311, Version::V5] {
            buffer.clear();
            buffer.extend_from_slice(&bytes);
            let ((), took) = damage::took(|| {
                loop {
                    let left = buffer.len();
                    match Codec::new(version, LIMIT).decode(&mut buffer) {
                        Ok(Some(_)) => packets += 1,
                        Ok(None) => break,
                        Err(_) => {
                            faults += 1;
                            break;
                        }
                    }
                    assert!(buffer.len() < left, "a packet of no bytes, in turn {turn} of seed {seed}");
                }
            });
            assert!(took <= LIMIT + SLACK, "{took} bytes in turn {turn} of seed {seed}: {bytes:02X?}");
        }
    }
    assert!(packets > count / 2 && faults > count / 2, "{packets} packets and {faults} faults test little");
}
