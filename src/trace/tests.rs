//! Every format on bytes written here, packed and damaged; the real traces where they are at hand are read elsewhere.

use std::io::Write;

use proptest::prelude::*;

use super::*;

fn all(bytes: &[u8], format: &Format) -> Result<Vec<String>, TraceError> {
    let mut trace = Trace::new("t", std::io::Cursor::new(bytes.to_vec()), format)?;
    let mut seen = Vec::new();
    while let Some(request) = trace.next()? {
        seen.push(told(request));
    }
    Ok(seen)
}

fn told(request: Request<'_>) -> String {
    let what = match request.action {
        Action::Command(arguments) => arguments
            .iter()
            .map(|a| shown(a))
            .collect::<Vec<_>>()
            .join(" "),
        Action::Access(access) => {
            let key = match access.key {
                Key::Id(id) => id.to_string(),
                Key::Name(name) => shown(name),
            };
            format!(
                "{:?} {key} {:?} {:?}",
                access.kind, access.size, access.ttl_s
            )
        }
    };
    format!("{} {what}", request.at_ns)
}

fn failure(bytes: &[u8], format: &Format) -> String {
    all(bytes, format)
        .expect_err("should be refused")
        .to_string()
}

fn oracle(records: &[(u32, u64, u32)]) -> Vec<u8> {
    let record = |(time, id, size): &(u32, u64, u32)| {
        [
            &time.to_le_bytes()[..],
            &id.to_le_bytes(),
            &size.to_le_bytes(),
            &(-1i64).to_le_bytes(),
        ]
        .concat()
    };
    records.iter().flat_map(record).collect()
}

fn columns() -> Columns {
    let some = |name: &str| Some(name.to_owned());
    Columns {
        key: "key".to_owned(),
        time: some("when"),
        size: some("bytes"),
        operation: some("op"),
        ttl: None,
    }
}

#[test]
fn oracle_general_plain_and_packed() {
    let plain = oracle(&[(100, 7, 64), (102, u64::MAX, 0)]);
    let expected = [
        "0 Get 7 Some(64) None",
        "2000000000 Get 18446744073709551615 Some(0) None",
    ];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).unwrap();
    for bytes in [
        plain.clone(),
        zstd::encode_all(&plain[..], 1).unwrap(),
        gzip.finish().unwrap(),
    ] {
        assert_eq!(all(&bytes, &Format::OracleGeneral).unwrap(), expected);
    }
}

#[test]
fn a_cut_record_is_located() {
    let mut bytes = oracle(&[(1, 1, 1), (2, 2, 2)]);
    bytes.truncate(30);
    assert_eq!(
        failure(&bytes, &Format::OracleGeneral),
        "t, record 2, byte 24: the file ends 6 bytes into a record of 24; is it whole, and oracleGeneral?"
    );
}

#[test]
fn damaged_packing_is_an_error_not_an_end() {
    let packed = zstd::encode_all(&oracle(&vec![(1, 1, 1); 1000])[..], 1).unwrap();
    let error = failure(&packed[..packed.len() - 5], &Format::OracleGeneral);
    assert!(error.starts_with("t, after record "), "{error}");
    assert!(error.contains(", byte "), "{error}");
}

#[test]
fn named_columns_in_any_order() {
    let text = b"op,Key,when,bytes,other\nGET,a,5.25,10,x\nset,\"b,c\",6,,y\nget,d,,1,z\n";
    let expected = [
        "0 Get `a` Some(10) None",
        "750000000 Set `b,c` None None",
        "750000000 Get `d` Some(1) None",
    ];
    assert_eq!(all(text, &Format::Csv(columns())).unwrap(), expected);
}

#[test]
fn columns_and_cells_that_are_wrong_are_located() {
    let format = Format::Csv(columns());
    assert_eq!(
        failure(b"key,when,size\n", &format),
        "t, record 0, byte 0: no column `bytes`; the first line names `key`, `when`, `size`"
    );
    assert_eq!(
        failure(b"key,when,bytes,op\na,1,1,get\nb,1,many,get\n", &format),
        "t, record 2, byte 28: the size is `many`, not a whole number up to 4294967295"
    );
}

#[test]
fn twitter_rows() {
    let text = b"0,nz:u:eeW511W3dcH3de3d15ec,22,304,31,get,0\n3,nz:u,26,40,3,cas,86400\n";
    let expected = [
        "0 Get `nz:u:eeW511W3dcH3de3d15ec` Some(304) None",
        "3000000000 Set `nz:u` Some(40) Some(86400)",
    ];
    assert_eq!(all(text, &Format::Twitter).unwrap(), expected);
    assert_eq!(
        failure(b"0,a,1,304,31,get,0\n3,b,1\n", &Format::Twitter),
        "t, record 2, byte 19: the row ends after 3 of 7 columns; was it cut?"
    );
}

#[test]
fn ids_one_a_line() {
    assert_eq!(
        all(b"17\r\n\nx y\n9", &Format::Ids).unwrap(),
        [
            "0 Get `17` None None",
            "0 Get `x y` None None",
            "0 Get `9` None None"
        ]
    );
}

#[test]
fn monitor_lines() {
    let text = b"OK\n1339518083.107412 [0 127.0.0.1:60866] \"SET\" \"a \\\"b\\\"\" \"\\x00\\n\"\n1339518084.107412 [9 unix:/tmp/s] \"ping\"\n";
    assert_eq!(
        all(text, &Format::Monitor).unwrap(),
        ["0 `SET` `a \\\"b\\\"` `\\0\\n`", "1000000000 `ping`"]
    );
    assert_eq!(
        failure(b"1.5 [0 lua] \"get\" \"ab", &Format::Monitor),
        "t, record 1, byte 0: a quoted argument is not closed; was the line cut?"
    );
}

#[test]
fn decimal_seconds_keep_their_nanoseconds() {
    use super::columns::seconds_to_ns;
    assert_eq!(
        seconds_to_ns("1339518083.107412"),
        Some(1_339_518_083_107_412_000)
    );
    assert_eq!(seconds_to_ns("0.1234567891"), Some(123_456_789));
    for wrong in ["", "-1", "1e3", "1.x", "99999999999999"] {
        assert_eq!(seconds_to_ns(wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for format in [Format::OracleGeneral, Format::Csv(columns()), Format::Twitter, Format::Ids, Format::Monitor] {
            let _ = all(&bytes, &format);
        }
    }
}
