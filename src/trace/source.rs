//! The bytes of a trace, unpacked where they are packed, with an account of where in them one is.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use super::Fault;

/// A line longer than this is no line of a trace: MONITOR's longest would be a large value.
const LONGEST_LINE: u64 = 16 << 20;

pub(super) type Bytes = Box<dyn BufRead + Send>;

/// Looks at the first bytes and unpacks zstd and gzip.
pub(super) fn unpacked(mut bytes: impl Read + Send + 'static) -> io::Result<Bytes> {
    let mut magic = Vec::with_capacity(4);
    bytes.by_ref().take(4).read_to_end(&mut magic)?;
    let packing = packing(&magic);
    let whole = BufReader::new(Cursor::new(magic).chain(bytes));
    Ok(match packing {
        Packing::None => Box::new(whole),
        Packing::Zstd => Box::new(Unpacked::new(zstd::Decoder::with_buffer(whole)?)),
        Packing::Gzip => Box::new(Unpacked::new(flate2::bufread::MultiGzDecoder::new(whole))),
    })
}

/// What a packed file unpacks to. Where that ends early, the error says at which byte.
struct Unpacked<R> {
    bytes: BufReader<R>,
    offset: u64,
}

impl<R: Read> Unpacked<R> {
    fn new(bytes: R) -> Self {
        Self {
            bytes: BufReader::new(bytes),
            offset: 0,
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl<R: Read> BufRead for Unpacked<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let offset = self.offset;
        self.bytes.fill_buf().map_err(|error| {
            let what = format!("byte {offset} of what it unpacks to: {error}");
            io::Error::new(error.kind(), what)
        })
    }

    fn consume(&mut self, bytes: usize) {
        self.offset += bytes as u64;
        self.bytes.consume(bytes);
    }
}

enum Packing {
    None,
    Zstd,
    Gzip,
}

/// By the magic numbers of RFC 8878 and RFC 1952.
fn packing(magic: &[u8]) -> Packing {
    match magic {
        [0x28, 0xb5, 0x2f, 0xfd] => Packing::Zstd,
        [0x1f, 0x8b, ..] => Packing::Gzip,
        _ => Packing::None,
    }
}

/// The lines of a text, each in the same buffer, with the offset at which it begins.
pub(super) struct Lines {
    bytes: Bytes,
    line: Vec<u8>,
    next_offset: u64,
}

impl Lines {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            line: Vec::new(),
            next_offset: 0,
        }
    }

    /// The next line that is not blank, without its end, and where it begins.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &[u8])>, Fault> {
        loop {
            let offset = self.next_offset;
            self.line.clear();
            let read = self
                .bytes
                .by_ref()
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut self.line)? as u64;
            if read == 0 {
                return Ok(None);
            }
            if read == LONGEST_LINE {
                let what = format!(
                    "a line of more than {LONGEST_LINE} bytes; is this the format of the file?"
                );
                return Err(Fault::Malformed { offset, what });
            }
            self.next_offset += read;
            if !self.line.trim_ascii().is_empty() {
                return Ok(Some((offset, self.line.trim_ascii())));
            }
        }
    }
}
