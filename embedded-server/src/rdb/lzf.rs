//! LZF, the compression inside the serialized form.
//!
//! A stream of runs, told apart by the three top bits of their first byte: `000` a literal run of 1 to 32
//! bytes that follow; otherwise a copy of 3 to 264 bytes from up to 8,192 bytes back, whose length is those
//! three bits plus two (seven means a further byte is added) and whose distance is the remaining thirteen
//! bits plus one. The compressor chooses its copies as Marc Lehmann's liblzf 3.6 does in its fast setting,
//! the one that Redis uses, so that a dump reads the same byte for byte.

const LITERAL_RUN_MAX: usize = 32;
const COPY_MIN: usize = 3;
const COPY_MAX: usize = 264;
const DISTANCE_MAX: usize = 8_192;
const TABLE_BITS: u32 = 16;

/// The original of `compressed`, which must be exactly `length` bytes long; `None` when it is not, or when
/// the stream is damaged.
pub fn decompress(compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    // A copy of 264 bytes takes three: a length beyond that ratio is a lie, and would be allocated for.
    if length / COPY_MAX > compressed.len() {
        return None;
    }
    let mut output = Vec::with_capacity(length);
    let mut input = compressed.iter();
    while let Some(&control) = input.next() {
        match usize::from(control >> 5) {
            0 => {
                let (run, rest) = input
                    .as_slice()
                    .split_at_checked(usize::from(control) + 1)?;
                output.extend_from_slice(run);
                input = rest.iter();
            }
            short => {
                let extra = if short == 7 {
                    usize::from(*input.next()?)
                } else {
                    0
                };
                let distance = usize::from(control & 31) << 8 | usize::from(*input.next()?);
                copy_back(&mut output, distance + 1, short + 2 + extra)?;
            }
        }
        if output.len() > length {
            return None;
        }
    }
    (output.len() == length).then_some(output)
}

/// Appends `count` bytes from `distance` bytes back; they may overlap what they become.
fn copy_back(output: &mut Vec<u8>, distance: usize, count: usize) -> Option<()> {
    let start = output.len().checked_sub(distance)?;
    for position in start..start + count {
        let byte = *output.get(position)?;
        output.push(byte);
    }
    Some(())
}

/// `input` compressed, or `None` when that does not fit into `limit` bytes.
pub fn compress(input: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut runs = Runs::new(limit);
    let mut seen = Seen::new(input);
    let mut position = 0;
    while position + COPY_MIN <= input.len() {
        let Some(copied) = seen
            .replace(position)
            .and_then(|earlier| Copy::find(input, earlier, position))
        else {
            runs.literal(*input.get(position)?)?;
            position += 1;
            continue;
        };
        runs.copy(copied)?;
        position += copied.length;
        if position + COPY_MIN > input.len() {
            break;
        }
        // Of the places a copy spans, only the last two are remembered: that is the fast setting.
        seen.replace(position - 2);
        seen.replace(position - 1);
    }
    runs.finish(input.get(position..)?)
}

/// Where each hash of three bytes was last seen.
struct Seen<'a> {
    input: &'a [u8],
    positions: Vec<u32>,
}

impl<'a> Seen<'a> {
    fn new(input: &'a [u8]) -> Self {
        Self {
            input,
            positions: vec![0; 1 << TABLE_BITS],
        }
    }

    /// Remembers `position`; the position its three bytes, or others of the same hash, were last seen at.
    /// The very first position stands for none.
    fn replace(&mut self, position: usize) -> Option<usize> {
        let &[a, b, c] = self.input.get(position..)?.first_chunk()?;
        let three = u32::from_be_bytes([0, a, b, c]);
        let hash = (three >> (24 - TABLE_BITS)).wrapping_sub(three.wrapping_mul(5))
            & ((1 << TABLE_BITS) - 1);
        let slot = self.positions.get_mut(hash as usize)?;
        let earlier = std::mem::replace(slot, u32::try_from(position).ok()?);
        (earlier != 0).then_some(earlier as usize)
    }
}

/// A stretch that was there before.
#[derive(Clone, Copy)]
struct Copy {
    distance: usize,
    length: usize,
}

impl Copy {
    fn find(input: &[u8], earlier: usize, position: usize) -> Option<Self> {
        let distance = position - earlier;
        let common = input
            .get(earlier..)?
            .iter()
            .zip(input.get(position..)?)
            .take(Self::longest(input.len() - position));
        let length = common.take_while(|(a, b)| a == b).count();
        (distance <= DISTANCE_MAX && length >= COPY_MIN).then_some(Self { distance, length })
    }

    /// The longest copy looked for with `rest` bytes to go: the last two are left, except that three bytes
    /// always, and nineteen when there are just enough, are compared without looking at the limit.
    fn longest(rest: usize) -> usize {
        match rest {
            19 | 20 => 19,
            _ => rest.saturating_sub(2).clamp(COPY_MIN, COPY_MAX),
        }
    }
}

/// The output, with the first byte of the literal run being written held open.
struct Runs {
    output: Vec<u8>,
    literals: usize,
    limit: usize,
}

impl Runs {
    fn new(limit: usize) -> Self {
        Self {
            output: vec![0],
            literals: 0,
            limit,
        }
    }

    fn literal(&mut self, byte: u8) -> Option<()> {
        if self.output.len() >= self.limit {
            return None;
        }
        self.push_literal(byte);
        Some(())
    }

    fn push_literal(&mut self, byte: u8) {
        self.output.push(byte);
        self.literals += 1;
        if self.literals == LITERAL_RUN_MAX {
            self.close_run();
            self.output.push(0);
        }
    }

    /// Writes the length of the run into its first byte, or takes that byte back when the run is empty.
    fn close_run(&mut self) {
        let start = self.output.len() - self.literals - 1;
        match self.output.get_mut(start) {
            Some(control) if self.literals > 0 => *control = self.literals as u8 - 1,
            _ => self.output.truncate(start),
        }
        self.literals = 0;
    }

    fn copy(&mut self, copy: Copy) -> Option<()> {
        let written = self.output.len() - usize::from(self.literals == 0);
        if written + 4 >= self.limit {
            return None;
        }
        self.close_run();
        let (length, distance) = (copy.length - 2, copy.distance - 1);
        let [high, low] = (distance as u16).to_be_bytes();
        match length {
            ..7 => self.output.push(high | (length as u8) << 5),
            _ => self
                .output
                .extend_from_slice(&[high | 7 << 5, (length - 7) as u8]),
        }
        self.output.extend_from_slice(&[low, 0]);
        Some(())
    }

    fn finish(mut self, tail: &[u8]) -> Option<Vec<u8>> {
        if self.output.len() + 3 > self.limit {
            return None;
        }
        tail.iter().for_each(|&byte| self.push_literal(byte));
        self.close_run();
        Some(self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_streams_are_refused() {
        let compressed = compress(&b"abc".repeat(100), 300).unwrap();
        assert_eq!(decompress(&compressed, 300), Some(b"abc".repeat(100)));
        assert_eq!(decompress(&compressed, 299), None);
        assert_eq!(decompress(&compressed[..compressed.len() - 1], 300), None);
        assert_eq!(
            decompress(&[0x20, 0xff], 3),
            None,
            "a copy from before the beginning"
        );
        assert_eq!(
            decompress(&[], usize::MAX),
            None,
            "a length that would be allocated"
        );
    }
}
