//! A hosted Xous system: launcher and stand-ins.
