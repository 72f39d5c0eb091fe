//! The name server stand-in, spoken to by its API crate and by raw messages.

use xous_api_names::XousNames;

#[test]
fn a_server_is_found_by_its_name() {
    hosted::test!().run(|| {
        let names = XousNames::new().unwrap();
        let sid = names.register_name("_A Server_", None).unwrap();
        let by_name = names.request_connection("_A Server_").unwrap();
        assert_eq!(xous::connect(sid).unwrap(), by_name);
        assert_eq!(names.request_connection_blocking("_A Server_").unwrap(), by_name);
        assert!(names.request_connection("_Nobody_").is_err());
    });
}
