//! The wire format of protocol buffers: numbered fields, one after the other.
//!
//! Pure. Never allocates, and never reads beyond what is there.

/// What stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'p> {
    /// A number of variable length.
    Varint(u64),
    /// Eight bytes.
    Fixed64(u64),
    /// Text, bytes or a message in the message.
    Bytes(&'p [u8]),
    /// Four bytes.
    Fixed32(u32),
}

/// These bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wrong;

/// The fields of a message with their numbers. After a fault there are no more.
#[derive(Debug)]
pub(super) struct Fields<'p>(pub(super) &'p [u8]);

impl<'p> Iterator for Fields<'p> {
    type Item = Result<(u64, Field<'p>), Wrong>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field().ok_or(Wrong);
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'p> Fields<'p> {
    fn field(&mut self) -> Option<(u64, Field<'p>)> {
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Varint(self.varint()?),
            1 => Field::Fixed64(u64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Field::Bytes(self.take(length)?)
            }
            5 => Field::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            // Groups are of the past, and the rest never was.
            _ => return None,
        };
        let number = key >> 3;
        (number > 0).then_some((number, field))
    }

    fn take(&mut self, length: usize) -> Option<&'p [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte has room for one bit.
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Result<Vec<(u64, Field<'_>)>, Wrong> {
        Fields(bytes).collect()
    }

    #[test]
    fn each_kind_of_field_is_read() {
        let bytes = [8, 0x96, 1, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0x1a, 2, b'h', b'i', 0x25, 2, 0, 0, 0];
        let expected = [
            (1, Field::Varint(150)),
            (2, Field::Fixed64(1)),
            (3, Field::Bytes(b"hi")),
            (4, Field::Fixed32(2)),
        ];
        assert_eq!(all(&bytes), Ok(expected.to_vec()));
        let largest = [8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
        assert_eq!(all(&largest), Ok(vec![(1, Field::Varint(u64::MAX))]));
        assert_eq!(all(&[]), Ok(Vec::new()));
    }

    #[test]
    fn what_is_cut_or_too_long_is_wrong() {
        for bytes in [
            &[8][..],
            &[8, 0x80],
            &[0x11, 1, 2, 3],
            &[0x1a, 5, b'h'],
            &[0x1a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            &[0x0b, 0x0c],
            &[0, 1],
        ] {
            assert_eq!(all(bytes), Err(Wrong), "{bytes:?}");
        }
    }
}
