//! Many files, folders, and names that are taken or cannot be.

use super::Visit;
use crate::by_hand::Answer;
use crate::common::pattern;
use crate::sender::get;
use crate::wire::Wire;

#[test]
fn twelve_files_are_shown_as_stored_though_the_connection_ends_at_each() {
    let visit = Visit::new();
    // Nobody hears of any file that it is stored.
    let wire = Wire::cut_before(visit.server.port, "{\"stored\":");
    visit.go(wire.port());
    let names: Vec<_> = (0..12).map(|i| format!("file {i}")).collect();
    let contents: Vec<_> = (0..12).map(|i| pattern(1000 * i)).collect();
    let files: Vec<_> = names.iter().zip(&contents).map(|(name, data)| (&**name, &**data)).collect();
    visit.choose(&files);
    for name in &names {
        visit.wait_for_line(name, "Stored, ");
    }
    assert!(wire.cuts() >= 4, "{} cuts", wire.cuts());
    assert_eq!(visit.browser.value("document.querySelectorAll('.file.stored').length"), 12);
    for (name, data) in files {
        assert!(visit.stored(name).is_some_and(|stored| stored == data), "{name}");
    }
}

#[test]
fn a_folder_of_two_hundred_files_keeps_its_paths() {
    let visit = Visit::new();
    let name = |i: usize| format!("album/{}/{i:03}.txt", if i.is_multiple_of(2) { "even" } else { "odd" });
    for part in ["album/even", "album/odd"] {
        std::fs::create_dir_all(visit.files.path(part)).unwrap();
    }
    for i in 0..200 {
        visit.files.write(&name(i), format!("{i}"));
    }
    visit.browser.drop_files(&[visit.files.path("album")]);
    // The list grows meanwhile, which takes its time.
    for count in (10..=200).step_by(10) {
        visit.browser.wait_for(&format!("document.querySelectorAll('.file.stored').length >= {count}"));
    }
    assert_eq!(visit.browser.value("document.querySelectorAll('.file').length"), 200);
    for i in [0, 1, 99, 100, 199] {
        let Answer { status, body, .. } = get(visit.server.port, &format!("/files/{}", name(i)), "");
        assert_eq!((status, body), (200, i.to_string().into_bytes()), "{}", name(i));
    }
    visit.browser.wait_for("document.getElementById('summary').textContent.startsWith('200 files, ')");
}

#[test]
fn a_name_that_is_taken_is_a_question_with_three_answers() {
    let visit = Visit::new();
    let path = |number: usize| format!("{number}/image.jpg");
    let sends = |number: usize| {
        std::fs::create_dir_all(visit.files.path(&number.to_string())).unwrap();
        visit.choose(&[(&path(number), format!("picture {number}").as_bytes())]);
    };
    let is = |name: &str, number: usize| {
        assert_eq!(visit.stored(name), Some(format!("picture {number}").into_bytes()), "{name}");
    };
    sends(1);
    visit.wait_for_line("image.jpg", "Stored, ");
    sends(2);
    visit.wait_for_line("image.jpg", "A file of this name exists.");
    visit.press(".both");
    visit.wait_for_line("image (2).jpg", "Stored, ");
    sends(3);
    visit.wait_for_line("image.jpg", "A file of this name exists.");
    visit.press(".both");
    visit.wait_for_line("image (3).jpg", "Stored, ");
    (1..=3).zip(["image.jpg", "image (2).jpg", "image (3).jpg"]).for_each(|(number, name)| is(name, number));
    sends(4);
    visit.wait_for_line("image.jpg", "A file of this name exists.");
    visit.press(".skip");
    visit.wait_for_line("image.jpg", "Skipped");
    is("image.jpg", 1);
    sends(5);
    visit.wait_for_line("image.jpg", "A file of this name exists.");
    visit.press(".replace");
    visit.wait_for_line("image.jpg", "Stored, ");
    is("image.jpg", 5);
    // The very file is no question.
    sends(5);
    visit.wait_for_line("image.jpg", "it was there already");
}

#[test]
fn several_questions_have_one_answer() {
    let visit = Visit::new();
    visit.choose(&[("a", b"1"), ("b", b"1")]);
    ["a", "b"].iter().for_each(|name| visit.wait_for_line(name, "Stored, "));
    visit.choose(&[("a", b"22"), ("b", b"22")]);
    visit.browser.wait_for("document.querySelectorAll('.file.exists').length === 2");
    assert_eq!(visit.browser.value("document.getElementById('all').hidden"), false);
    visit.browser.value("document.getElementById('all-both').click()");
    ["a (2)", "b (2)"].iter().for_each(|name| visit.wait_for_line(name, "Stored, "));
    assert_eq!(visit.stored("b (2)").as_deref(), Some(&b"22"[..]));
    assert_eq!(visit.stored("b").as_deref(), Some(&b"1"[..]));
}

#[test]
fn the_page_says_what_is_wrong_with_a_name() {
    let visit = Visit::new();
    let long = "n".repeat(95);
    for (name, text) in [
        ("a\u{202e}gpj.exe", "U+202E, which is invisible or changes the direction"),
        ("a\u{2028}b", "U+2028"),
        ("a\u{200b}b", "U+200B"),
        ("\u{feff}a", "U+FEFF"),
        ("a\u{3164}", "U+3164"),
        ("a\u{fe0f}", "U+FE0F"),
        ("a\u{7}b", "U+0007"),
        ("a\\b", "\\"),
        (&*long, "95 bytes, and the longest has 94"),
        // The service says this one.
        ("a:b", "The name has a :"),
    ] {
        visit.choose(&[(name, b"x")]);
        visit.wait_for_line(name, text);
        assert_eq!(visit.stored(name), None, "{name:?}");
    }
    // What nobody would see is shown, or `exe` would look like the beginning of the name.
    assert_eq!(visit.browser.value("document.querySelector('.file .mark').dataset.shown"), "U+202E");
    // Letters and accents apart are what they are together.
    visit.choose(&[("e\u{301}.txt", b"twin")]);
    visit.wait_for_line("\u{e9}.txt", "Stored, ");
    assert_eq!(visit.stored("\u{e9}.txt").as_deref(), Some(&b"twin"[..]));
    // A heart that is red by such a selector is a name as people give them.
    visit.choose(&[("\u{2764}\u{fe0f}.txt", b"heart")]);
    visit.wait_for_line("\u{2764}\u{fe0f}.txt", "Stored, ");
}

#[test]
fn a_database_that_takes_its_time_is_shown() {
    let visit = Visit::new();
    // Long enough to be under way still when the page is told.
    visit.choose_zeros("a", 100_000_000);
    visit.wait_for_line("a", " of 100");
    visit.browser.value(
        "(() => {
            const [{ id }] = uploader.transfers;
            uploader.receive('no JSON');
            uploader.receive(JSON.stringify({ unknown: id }));
            uploader.receive(JSON.stringify({ waiting: id, reason: 'The database asks its user.' }));
            window.shown = document.querySelector('.file').className
                + ' ' + document.querySelector('.detail').textContent;
        })()",
    );
    let shown = visit.browser.value("window.shown");
    let shown = shown.as_str().unwrap();
    assert!(shown.contains("pausing") && shown.contains("The database asks its user."), "{shown}");
    // Until it goes on.
    visit.browser.wait_for("document.querySelectorAll('.pausing').length === 0");
}

#[test]
fn a_stored_file_is_deleted_by_pressing_twice() {
    let visit = Visit::new();
    visit.choose(&[("a", b"1"), ("b", b"2")]);
    ["a", "b"].iter().for_each(|name| visit.wait_for_line(name, "Stored, "));
    visit.links(2);
    let presses = || visit.browser.value("document.querySelector('#list .delete').click()");
    presses();
    visit.browser.wait_for("document.querySelector('#list .delete').textContent === 'Delete it?'");
    assert!(visit.stored("a").is_some());
    presses();
    assert_eq!(visit.links(1), ["/files/b"]);
    assert_eq!(visit.stored("a"), None);
    visit.browser.wait_for("document.getElementById('news').textContent === 'a: deleted'");
}

/// The service does not know their digests.
#[test]
fn files_from_before_the_start_are_compared_with_what_is_sent() {
    let visit = Visit::new();
    std::fs::create_dir_all(visit.files.path("pddb/.System/uploads")).unwrap();
    for (name, data) in [("same", "before"), ("other", "behind")] {
        visit.files.write(&format!("pddb/.System/uploads/{name}"), data);
    }
    visit.choose(&[("same", b"before"), ("other", b"before")]);
    visit.wait_for_line("same", "it was there already");
    visit.wait_for_line("other", "A file of this name exists.");
}
