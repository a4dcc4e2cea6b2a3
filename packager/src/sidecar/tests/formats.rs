//! SubRip, WebVTT and scripts.

use super::*;

#[test]
fn subrip_is_read_however_sloppy_it_is() {
    let file = "\u{feff}\n\n1\n0:00:01,5 --> 0:00:02.25  X1:1 X2:2 Y1:3 Y2:4\n<i>One</i>\n\n  two \n\n00:00:03,000-->00:00:04,000\n{\\an8}top <FONT color=\"red\">red</font>\n\
                no number\n3\n00:00:05,000 --> 00:00:06,000 line:0\n{\\i1}a{\\i0} < b > c & d &lt;e&gt; &#233; {braces}\n\n\n4\n00:00:07,000 --> 00:00:08,000\n2001\n\
                <b>never closed\n\n6\n01:00,000 --> 01:01,000\nshort<br/>time";
    assert_eq!(
        cues(file),
        [
            "1500 2250 |<i>One</i>\ntwo",
            "3000 4000 line:0|top red\nno number",
            "5000 6000 line:0|<i>a</i> &lt; b &gt; c &amp; d &lt;e&gt; é {braces}",
            "7000 8000 |2001\n<b>never closed</b>",
            "60000 61000 |short\ntime",
        ]
    );
    assert_eq!(notes(file), Vec::<String>::new());
}

#[test]
fn broken_subrip_is_refused_with_every_line() {
    let file = "1\n00:00:01,000 -> 00:00:02,000\nHello\n\n2\n00:00:04,000 --> 00:00:03,000\nback\n\n3\n00:00:05,000 --> 00:00:05,000\nnever\n\n\
                4\nno time here\n\n5\n00:00:6x,000 --> 00:00:07,000\nletters\n\n6\n00:61:00,000 --> 00:62:00,000\nsixty\n\n7\n00:00:09,000 --> 00:00:10,000\nfine\n";
    assert_eq!(
        faults(file),
        [
            "line 2: this is not the time of a cue: 00:00:01,000 -> 00:00:02,000",
            "line 6: the cue ends before it begins",
            "line 10: the cue ends when it begins: nobody would see it",
            "line 13: cue 4 has no time",
            "line 17: this is not the time of a cue: 00:00:6x,000 --> 00:00:07,000",
            "line 21: this is not the time of a cue: 00:61:00,000 --> 00:62:00,000",
        ]
    );
    assert_eq!(faults("Hello\n\n00:00:01,000 --> 00:00:02,000\nx\n"), ["line 1: there are words that no time belongs to"]);
    assert_eq!(faults("1\n00:00:01,000 --> 00:00:02,000\n\n"), ["there are no words in the file"]);
    let many: String = (0..100).map(|second| format!("00:00:{second},000 --> x\nwords\n\n")).collect();
    let refused = read(many.as_bytes()).unwrap_err();
    assert!(refused.faults.len() == FAULTS_MAX && refused.to_string().starts_with("line 1: "), "{refused}");
    let error = marquee_core::Error::from(Refused { has_more: true, ..refused });
    assert!(error.code() == "subtitle_faults" && error.message().ends_with("; and more"));
}

#[test]
fn webvtt_keeps_what_stands_by_itself() {
    let file = "WEBVTT - a film\nKind: captions\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n\nSTYLE\n::cue { background: url(file:///etc/passwd) }\n\n\
                REGION\nid:fred\nwidth:40%\n\nNOTE a comment\nover lines\n\nintro\n00:01.000 --> 00:02.000 region:fred line:10% align:start\n\
                <v.loud Mary &amp; Jane>Hi <c.yellow.mine>there</c> <c.mine>you</c></v> & <b><i>all</b></i>\n\n\
                00:00:03.000 --> 00:00:04.000\n<00:00:03.500>karaoke <script>alert(1)</script> &lt;&nbsp;&rlm;>\n\n00:00:05.000 --> 00:00:06.000\none\n00:00:07.000 --> 00:00:08.000\ntwo <lang en>x";
    assert_eq!(
        cues(file),
        [
            "1000 2000 line:10% align:start|<v Mary &amp; Jane>Hi <c.yellow>there</c> you</v> &amp; <b><i>all</i></b>",
            "3000 4000 |karaoke alert(1) &lt;\u{a0}\u{200f}&gt;",
            "5000 6000 |one",
            "7000 8000 |two <lang en>x</lang>",
        ]
    );
    assert_eq!(notes(file), ["X-TIMESTAMP-MAP is left out: times are those of the film", "styles and regions are left out"]);
    // A name that would make an arrow of its tag.
    assert_eq!(cues("WEBVTT\n\n00:01.000 --> 00:02.000\n<v a--\n>x"), ["1000 2000 |<v a>x</v>"]);
}

#[test]
fn broken_webvtt_is_refused_with_every_line() {
    let file = "WEBVTTX\n\nid\nwords\n\n00:02.000 --> 00:01.000\nx\n\nid\n00:02 -->\ny\n";
    assert_eq!(
        faults(file),
        [
            "line 1: a WebVTT file begins with WEBVTT, alone in its line",
            "line 3: there are words that no time belongs to",
            "line 6: the cue ends before it begins",
            "line 10: this is not the time of a cue: 00:02 -->",
        ]
    );
    assert_eq!(faults("WEBVTT\n00:01.000 --> 00:02.000\nx\n"), ["line 2: there is no empty line before the first cue"]);
}

const SCRIPT: &str = "[Script Info]\nScriptType: v4.00+\n\n[V4+ Styles]\nFormat: Name, Fontname, Italic, Alignment\nStyle: Default,Arial,0,2\n\
                      Style: Sign,Evil.ttf,-1,8\n\n[Fonts]\nfontname: evil_0.ttf\n!!!!$%^&*\n\n[Events]\n\
                      Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text\n";

#[test]
fn scripts_are_read_without_their_fonts() {
    let file = format!(
        "{SCRIPT}Dialogue: 0,0:00:01.00,0:00:02.50,Default,,0,0,0,,Hello, {{\\b1}}you{{\\b0}}\\Nthere\nDialogue: 1,0:00:01.00,0:00:02.50,Default,,0,0,0,,Hello, {{\\b1}}you{{\\b0}}\\Nthere\n\
         Comment: 0,0:00:01.00,0:00:02.00,Default,,0,0,0,,a comment\nDialogue: 0,1:00:00.05,1:00:01.00,*Sign,,0,0,0,,EXIT\n\
         Dialogue: 0,0:00:05.00,0:00:06.00,Default,,0,0,0,,{{\\p1}}m 0 0 l 9 9{{\\p0}}\nDialogue: 0,0:00:07.00,0:00:07.00,Default,,0,0,0,,a mark\n"
    );
    assert_eq!(cues(&file), ["1000 2500 |Hello, <b>you</b>\nthere", "3600050 3601000 line:0|<i>EXIT</i>"]);
    assert_eq!(
        notes(&file),
        ["fonts and pictures in the script are left out", "dialogues that are shown for no time are left out"]
    );
    let old = "[Script Info]\n[Events]\nFormat: Marked, Start, End, Text\nDialogue: Marked=0,0:00:01.00,0:00:02.00,a, b\n";
    assert_eq!(cues(old), ["1000 2000 |a, b"]);
}

#[test]
fn broken_scripts_are_refused_with_every_line() {
    let file = format!(
        "{SCRIPT}Dialogue: 0,0:00:01.00,later,Default,,0,0,0,,x\nDialogue: 0,0:00:03.00,0:00:02.50,Default,,0,0,0,,x\nDialogue: 0,0:00:01.00\n\
         Format: Start, Text, End\n"
    );
    assert_eq!(
        faults(&file),
        [
            "line 15: this is not the time of a cue: later",
            "line 16: the cue ends before it begins",
            "line 17: the dialogue has 2 fields of 10",
            "line 18: the events have no Start, no End, or no Text that is their last field",
        ]
    );
}
