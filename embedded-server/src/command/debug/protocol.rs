//! DEBUG PROTOCOL: a reply of every type, for tests of clients.

use super::super::outcome::Outcome;
use super::super::{Context, refusal};

const BIG_NUMBER: &str = "1234567999999999999999999999999999999";

/// Redis answers this one, which is not meant as pi.
#[expect(clippy::approx_constant)]
const DOUBLE: f64 = 3.141;

pub(super) fn reply(context: &mut Context<'_>, kind: &[u8]) -> Outcome {
    let reply = &mut context.reply;
    match kind.to_ascii_lowercase().as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12_345),
        b"double" => reply.double(DOUBLE),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|number| reply.integer(number));
        }
        b"map" => {
            reply.map(3);
            for number in 0..3 {
                reply.integer(number);
                reply.boolean(number == 1);
            }
        }
        // In RESP2 there is no way to say it.
        b"attrib" if !reply.is_resp3() => reply.bulk(b"Some real reply following the attribute"),
        b"attrib" => {
            reply.raw(b"|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n");
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" if !reply.is_resp3() => {
            return Err("ERR RESP2 is not supported by this command".into());
        }
        // The message, and an answer behind it.
        b"push" => {
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
        }
        b"bignum" => reply.big_number(BIG_NUMBER),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        b"verbatim" => reply.verbatim(b"txt", b"This is a verbatim\nstring"),
        _ => return Err(refusal::SYNTAX.into()),
    }
    Ok(())
}
