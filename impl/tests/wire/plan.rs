//! Random messages: plans that own what messages borrow.

use midcomms::wire::{
    Ack, Inner, LockspaceId, Message, Msg, NodeId, OptionItem, Options, Opts, Rcom, Sender, Seq, Version,
};
use proptest::collection::vec;
use proptest::prelude::*;

#[derive(Clone, Debug)]
pub(crate) enum BodyPlan {
    Msg { lockspace: u32, words: [u32; 18], block: Vec<u8> },
    Rcom { lockspace: u32, code: u32, result: i32, numbers: [u64; 3], payload: Vec<u8> },
    Fin,
}

#[derive(Clone, Debug)]
pub(crate) enum Plan {
    Opts { sender: Sender, seq: u32, options: Vec<(u16, u32, Vec<u8>)>, body: BodyPlan },
    Ack { sender: Sender, seq: u32, tail: Vec<u8> },
    Bare { sender: Sender, body: BodyPlan },
}

pub(crate) fn inner<R>(sender: Sender, body: &BodyPlan, then: impl FnOnce(Inner<'_>) -> R) -> R {
    match body {
        BodyPlan::Msg { lockspace, words, block } => {
            let mut fixed = [0; 72];
            fixed.iter_mut().zip(words.iter().flat_map(|word| word.to_le_bytes())).for_each(|(to, from)| *to = from);
            then(Inner::msg(sender, LockspaceId(*lockspace), Msg::new(&fixed, block)).unwrap())
        }
        BodyPlan::Rcom { lockspace, code, result, numbers: [id, seq, seq_reply], payload } => {
            let (code, result, id, seq, seq_reply) = (*code, *result, *id, *seq, *seq_reply);
            let rcom = Rcom { code, result, id, seq, seq_reply, payload };
            then(Inner::rcom(sender, LockspaceId(*lockspace), rcom).unwrap())
        }
        BodyPlan::Fin => then(Inner::fin(sender)),
    }
}

pub(crate) fn option_bytes(options: &[(u16, u32, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, pad, value) in options {
        Options::push(&mut bytes, OptionItem { kind: *kind, pad: *pad, value }).unwrap();
    }
    bytes
}

impl Plan {
    pub(crate) fn with_message<R>(&self, then: impl FnOnce(Message<'_>) -> R) -> R {
        match self {
            Self::Opts { sender, seq, options, body } => {
                let options = option_bytes(options);
                inner(*sender, body, |inner| {
                    then(Opts::new(Seq(*seq), Options::from_bytes(&options), inner).unwrap().into())
                })
            }
            Self::Ack { sender, seq, tail } => then(Ack::new(*sender, Seq(*seq), tail).unwrap().into()),
            Self::Bare { sender, body } => inner(*sender, body, |inner| then(inner.into())),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.with_message(|message| message.encode_into(&mut bytes));
        bytes
    }
}

pub(crate) fn sender() -> impl Strategy<Value = Sender> {
    let version = prop_oneof![Just(Version::V3_1), Just(Version::V3_2)];
    (version, any::<u32>()).prop_map(|(version, nodeid)| Sender { version, nodeid: NodeId(nodeid) })
}

pub(crate) fn body(max_block: usize) -> impl Strategy<Value = BodyPlan> {
    let block = || prop_oneof![9 => vec(any::<u8>(), 0..40), 1 => vec(any::<u8>(), 0..=max_block)];
    let code = || prop_oneof![9 => 0..16_u32, 1 => any::<u32>()];
    let msg = (any::<u32>(), code(), any::<[u32; 18]>(), block()).prop_map(|(lockspace, code, mut words, block)| {
        words[0] = code;
        BodyPlan::Msg { lockspace, words, block }
    });
    let rcom = (any::<u32>(), code(), any::<i32>(), any::<[u64; 3]>(), block()).prop_map(
        |(lockspace, code, result, numbers, payload)| BodyPlan::Rcom { lockspace, code, result, numbers, payload },
    );
    prop_oneof![msg, rcom, Just(BodyPlan::Fin)]
}

pub(crate) fn plan() -> impl Strategy<Value = Plan> {
    let options = vec((any::<u16>(), any::<u32>(), vec(any::<u8>(), 0..20)), 0..4);
    let opts = (sender(), any::<u32>(), options, body(3800)).prop_map(|(sender, seq, options, body)| Plan::Opts {
        sender,
        seq,
        options,
        body,
    });
    let ack = (sender(), any::<u32>(), vec(any::<u8>(), 0..40)).prop_map(|(sender, seq, tail)| Plan::Ack {
        sender,
        seq,
        tail,
    });
    let bare = (sender(), body(4008)).prop_map(|(sender, body)| Plan::Bare { sender, body });
    prop_oneof![opts, ack, bare]
}
