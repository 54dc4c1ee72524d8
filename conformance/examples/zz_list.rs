use midcomms_conformance::{capture::*, describe::describe, messages::*};
use std::collections::HashMap;
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let mut messages = Messages::default();
    let mut at: HashMap<u64, usize> = HashMap::new();
    let reader = CaptureReader::open(path.as_ref(), &CaptureOptions::default()).unwrap();
    reader.read(&mut |o| {
        match o.event {
            TransportEvent::Data(..) => {}
            e => println!("{} {} -- {:?}", o.frame.number, o.conn, e),
        }
        messages.handle(&o, &mut |i| match i {
            Item::Message(s) => {
                let n = at.entry(s.frame.number).or_default();
                println!(
                    "{}/{} [{}] {} {:?} {}",
                    s.frame.number,
                    n,
                    s.first_frame.number,
                    s.conn,
                    s.direction,
                    describe(s.bytes)
                );
                *n += 1;
            }
            other => println!("{other:?}"),
        });
    });
}
