//! A payload of Sparkplug B: the metrics of a node or a device, and their place in the order of messages.
//!
//! Pure. Never takes what was of the past for the present, nor what its node calls bad.

use super::wire::{Field, Fields, Wrong};

/// The property of a metric that says what its value is worth.
const QUALITY: &[u8] = b"Quality";
/// Its value for a value that is none, and for one that is old.
const BAD: [u64; 2] = [0, 500];

/// A payload; its metrics are read one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Payload {
    /// 0 to 255 around and around, over all messages of a node.
    pub(super) seq: Option<u8>,
}

/// One metric.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Metric<'p> {
    /// Its name; births have it, data may have the alias instead.
    pub(super) name: Option<&'p str>,
    /// What its birth said that the name is written as.
    pub(super) alias: Option<u64>,
    /// The number of its type; births have it.
    pub(super) datatype: Option<u64>,
    /// Its value as it is on the wire; `None`: of the past, or of a type that is no one value.
    pub(super) value: Option<Raw<'p>>,
}

/// A value that cannot be understood without its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Raw<'p> {
    /// 32 bits, signed or not.
    Int(u64),
    /// 64 bits, signed or not.
    Long(u64),
    /// A floating-point number.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A text.
    Text(&'p str),
    /// Null, or bad, or stale: there is none now.
    Nothing,
}

/// A value with its type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'p> {
    /// A number; a time is seconds since 1970, a boolean 0 or 1.
    Number(f64),
    /// A text.
    Text(&'p str),
    /// There is none now.
    Nothing,
}

/// Reads a payload; calls with each metric.
pub(super) fn read<'p>(bytes: &'p [u8], mut each: impl FnMut(Metric<'p>)) -> Result<Payload, Wrong> {
    let mut payload = Payload::default();
    for field in Fields(bytes) {
        match field? {
            (2, Field::Bytes(bytes)) => each(metric(bytes)?),
            (3, Field::Varint(seq)) => payload.seq = u8::try_from(seq).ok(),
            // Time, identity and body of the message, and what later versions may add.
            _ => {}
        }
    }
    Ok(payload)
}

fn metric(bytes: &[u8]) -> Result<Metric<'_>, Wrong> {
    let mut metric = Metric::default();
    let (mut is_past, mut is_nothing) = (false, false);
    for field in Fields(bytes) {
        match field? {
            (1, Field::Bytes(name)) => metric.name = Some(text(name)?),
            (2, Field::Varint(alias)) => metric.alias = Some(alias),
            (4, Field::Varint(datatype)) => metric.datatype = Some(datatype),
            (5, Field::Varint(is)) => is_past |= is != 0,
            (7, Field::Varint(is)) => is_nothing |= is != 0,
            (9, Field::Bytes(properties)) => is_nothing |= is_bad(properties)?,
            (10, Field::Varint(value)) => metric.value = Some(Raw::Int(value)),
            (11, Field::Varint(value)) => metric.value = Some(Raw::Long(value)),
            (12, Field::Fixed32(bits)) => metric.value = Some(Raw::Float(f64::from(f32::from_bits(bits)))),
            (13, Field::Fixed64(bits)) => metric.value = Some(Raw::Float(f64::from_bits(bits))),
            (14, Field::Varint(is)) => metric.value = Some(Raw::Bool(is != 0)),
            (15, Field::Bytes(value)) => metric.value = Some(Raw::Text(text(value)?)),
            // Times, metadata, and values that are no one number: bytes, data sets, templates.
            _ => {}
        }
    }
    if is_past {
        metric.value = None;
    } else if is_nothing {
        metric.value = Some(Raw::Nothing);
    }
    Ok(metric)
}

fn text(bytes: &[u8]) -> Result<&str, Wrong> {
    std::str::from_utf8(bytes).map_err(|_| Wrong)
}

/// Whether the properties call the value bad or stale. Keys and values are two lists of one length.
fn is_bad(properties: &[u8]) -> Result<bool, Wrong> {
    let (mut keys, mut values, mut quality, mut bad) = (0_usize, 0_usize, None, false);
    for field in Fields(properties) {
        match field? {
            (1, Field::Bytes(key)) => {
                if key == QUALITY {
                    quality = Some(keys);
                }
                keys += 1;
            }
            (2, Field::Bytes(value)) => {
                if quality == Some(values) {
                    bad = Fields(value).any(|field| match field {
                        Ok((3 | 4, Field::Varint(value))) => BAD.contains(&value),
                        Ok(_) | Err(Wrong) => false,
                    });
                }
                values += 1;
            }
            _ => {}
        }
    }
    Ok(bad)
}

impl<'p> Raw<'p> {
    /// The value that this is in this type; `None` for types that are no one value.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_precision_loss,
        reason = "signed numbers travel as unsigned ones of the same bits; the page holds doubles"
    )]
    pub(super) fn of_type(self, datatype: Option<u64>) -> Value<'p> {
        const INT8: u64 = 1;
        const INT16: u64 = 2;
        const INT32: u64 = 3;
        const INT64: u64 = 4;
        const DATE_TIME: u64 = 13;
        let number = match (self, datatype) {
            (Self::Int(bits) | Self::Long(bits), Some(INT8)) => f64::from(bits as i8),
            (Self::Int(bits) | Self::Long(bits), Some(INT16)) => f64::from(bits as i16),
            (Self::Int(bits) | Self::Long(bits), Some(INT32)) => f64::from(bits as i32),
            (Self::Int(bits) | Self::Long(bits), Some(INT64)) => bits as i64 as f64,
            (Self::Int(bits) | Self::Long(bits), Some(DATE_TIME)) => bits as f64 / 1_000.0,
            (Self::Int(bits) | Self::Long(bits), _) => bits as f64,
            (Self::Float(number), _) => number,
            (Self::Bool(is), _) => f64::from(u8::from(is)),
            (Self::Text(text), _) => return Value::Text(text),
            (Self::Nothing, _) => return Value::Nothing,
        };
        Value::Number(number)
    }
}
