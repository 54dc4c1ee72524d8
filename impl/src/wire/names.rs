//! The enumerations of the wire, which print as the protocol names them.

use core::fmt;

macro_rules! wire_enum {
    ($(#[$meta:meta])* $name:ident: $repr:ident { $($(#[$doc:meta])* $variant:ident = $value:expr, $text:literal;)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr($repr)]
        pub enum $name {
            $($(#[$doc])* $variant = $value,)+
        }

        impl $name {
            /// Every value, in the order of the numbers on the wire.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The value that this number stands for, `None` if the protocol gives it no meaning.
            #[must_use]
            pub const fn from_wire(raw: $repr) -> Option<Self> {
                match raw {
                    $($value => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The number on the wire.
            #[must_use]
            pub const fn to_wire(self) -> $repr {
                self as $repr
            }

            /// The protocol's name for it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

wire_enum! {
    /// The protocol versions that exist on the wire, a header's first word.
    Version: u32 {
        /// No envelope, no numbers: everything goes bare (SND-3).
        V3_1 = 0x0003_0001, "3.1";
        /// Numbered, acknowledged and closed by handshake.
        V3_2 = 0x0003_0002, "3.2";
    }
}

wire_enum! {
    /// What a message is, byte 14 of its header.
    Cmd: u8 {
        /// A message of the lock manager.
        Msg = 1, "MSG";
        /// A recovery message of the lock manager.
        Rcom = 2, "RCOM";
        /// The envelope around a sequenced message.
        Opts = 3, "OPTS";
        /// Names the sequence number expected next.
        Ack = 4, "ACK";
        /// Closes a direction; only inside OPTS.
        Fin = 5, "FIN";
    }
}

wire_enum! {
    /// The type of a MSG, its first word after the header.
    MsgType: u32 {
        /// 1
        Request = 1, "REQUEST";
        /// 2
        Convert = 2, "CONVERT";
        /// 3
        Unlock = 3, "UNLOCK";
        /// 4
        Cancel = 4, "CANCEL";
        /// 5
        RequestReply = 5, "REQUEST_REPLY";
        /// 6
        ConvertReply = 6, "CONVERT_REPLY";
        /// 7
        UnlockReply = 7, "UNLOCK_REPLY";
        /// 8
        CancelReply = 8, "CANCEL_REPLY";
        /// 9
        Grant = 9, "GRANT";
        /// 10
        Bast = 10, "BAST";
        /// 11
        Lookup = 11, "LOOKUP";
        /// 12
        Remove = 12, "REMOVE";
        /// 13
        LookupReply = 13, "LOOKUP_REPLY";
        /// 14
        Purge = 14, "PURGE";
    }
}

wire_enum! {
    /// The type of an RCOM, its first word after the header.
    RcomType: u32 {
        /// 1: always bare (SND-2).
        Status = 1, "STATUS";
        /// 2: bare or sequenced, by revision.
        Names = 2, "NAMES";
        /// 3
        Lookup = 3, "LOOKUP";
        /// 4
        Lock = 4, "LOCK";
        /// 5: bare, but sequenced if its result says "not ready" (SND-2).
        StatusReply = 5, "STATUS_REPLY";
        /// 6: bare or sequenced, by revision.
        NamesReply = 6, "NAMES_REPLY";
        /// 7
        LookupReply = 7, "LOOKUP_REPLY";
        /// 8
        LockReply = 8, "LOCK_REPLY";
    }
}
