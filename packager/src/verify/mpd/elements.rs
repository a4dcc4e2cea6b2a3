//! The elements of a manifest, with their attributes and children (ISO/IEC 23009-1 annex B).

/// What the value of an attribute is.
#[derive(Clone, Copy)]
pub(super) enum Type {
    Text,
    /// Of 32 bits, and of 64.
    Int,
    Long,
    Signed,
    Double,
    Flag,
    Duration,
    Date,
    Ratio,
    Rate,
    Range,
    Language,
    /// Without spaces.
    Name,
    /// One of these.
    One(&'static [&'static str]),
}
use Type::{Date, Double, Duration, Flag, Int, Language, Long, Name, One, Range, Rate, Ratio, Signed, Text};

/// Names and types.
type Attributes = &'static [(&'static str, Type)];

/// An element whose attributes and children are looked at.
pub(super) struct Element {
    pub(super) names: &'static [&'static str],
    pub(super) attributes: &'static [Attributes],
    pub(super) required: &'static [&'static str],
    /// In the order in which they stand; nothing where they are not looked at.
    pub(super) children: &'static [&'static [&'static str]],
}

const CONTENT: Type = One(&["text", "image", "audio", "video", "application", "font"]);
const SAP: Type = One(&["0", "1", "2", "3", "4", "5", "6"]);

/// What sets and representations have in common (section 5.3.7).
const COMMON: Attributes = &[
    ("profiles", Text),
    ("width", Int),
    ("height", Int),
    ("sar", Ratio),
    ("frameRate", Rate),
    ("audioSamplingRate", Text),
    ("mimeType", Text),
    ("segmentProfiles", Text),
    ("codecs", Text),
    ("containerProfiles", Text),
    ("maximumSAPPeriod", Double),
    ("startWithSAP", SAP),
    ("maxPlayoutRate", Double),
    ("codingDependency", Flag),
    ("scanType", One(&["progressive", "interlaced", "unknown"])),
    ("selectionPriority", Int),
    ("tag", Text),
];
const COMMON_CHILDREN: &[&str] = &[
    "FramePacking",
    "AudioChannelConfiguration",
    "ContentProtection",
    "OutputProtection",
    "EssentialProperty",
    "SupplementalProperty",
    "InbandEventStream",
    "Switching",
    "RandomAccess",
    "GroupLabel",
    "Label",
    "ProducerReferenceTime",
    "ContentPopularityRate",
    "Resync",
];
/// What all ways to address segments have in common (section 5.3.9.2).
const SEGMENTS: Attributes = &[
    ("timescale", Int),
    ("eptDelta", Signed),
    ("pdDelta", Signed),
    ("presentationTimeOffset", Long),
    ("presentationDuration", Long),
    ("timeShiftBufferDepth", Duration),
    ("indexRange", Range),
    ("indexRangeExact", Flag),
    ("availabilityTimeOffset", Double),
    ("availabilityTimeComplete", Flag),
];
const MANY_SEGMENTS: Attributes = &[("duration", Int), ("startNumber", Int), ("endNumber", Int)];
const SEGMENTS_CHILDREN: &[&str] = &["Initialization", "RepresentationIndex", "FailoverContent"];
const MANY_SEGMENTS_CHILDREN: &[&str] = &["SegmentTimeline", "BitstreamSwitching"];
const DESCRIPTOR: Attributes = &[("schemeIdUri", Text), ("value", Text), ("id", Text)];

/// All whose attributes are known.
pub(super) const ELEMENTS: [Element; 15] = [
    Element {
        names: &["MPD"],
        attributes: &[&[
            ("id", Text),
            ("profiles", Text),
            ("type", One(&["static", "dynamic"])),
            ("availabilityStartTime", Date),
            ("availabilityEndTime", Date),
            ("publishTime", Date),
            ("mediaPresentationDuration", Duration),
            ("minimumUpdatePeriod", Duration),
            ("minBufferTime", Duration),
            ("timeShiftBufferDepth", Duration),
            ("suggestedPresentationDelay", Duration),
            ("maxSegmentDuration", Duration),
            ("maxSubsegmentDuration", Duration),
        ]],
        required: &["profiles", "minBufferTime"],
        children: &[&[
            "ProgramInformation",
            "BaseURL",
            "Location",
            "PatchLocation",
            "ServiceDescription",
            "InitializationSet",
            "InitializationGroup",
            "InitializationPresentation",
            "ContentProtection",
            "Period",
            "Metrics",
            "EssentialProperty",
            "SupplementalProperty",
            "UTCTiming",
            "LeapSecondInformation",
        ]],
    },
    Element {
        names: &["Period"],
        attributes: &[&[("id", Text), ("start", Duration), ("duration", Duration), ("bitstreamSwitching", Flag)]],
        required: &[],
        children: &[&[
            "BaseURL",
            "SegmentBase",
            "SegmentList",
            "SegmentTemplate",
            "AssetIdentifier",
            "EventStream",
            "ServiceDescription",
            "ContentProtection",
            "AdaptationSet",
            "Subset",
            "SupplementalProperty",
            "EmptyAdaptationSet",
            "GroupLabel",
            "Preselection",
        ]],
    },
    Element {
        names: &["AdaptationSet", "EmptyAdaptationSet"],
        attributes: &[
            COMMON,
            &[
                ("id", Int),
                ("group", Int),
                ("lang", Language),
                ("contentType", CONTENT),
                ("par", Ratio),
                ("minBandwidth", Int),
                ("maxBandwidth", Int),
                ("minWidth", Int),
                ("maxWidth", Int),
                ("minHeight", Int),
                ("maxHeight", Int),
                ("minFrameRate", Rate),
                ("maxFrameRate", Rate),
                ("segmentAlignment", Flag),
                ("subsegmentAlignment", Flag),
                ("subsegmentStartsWithSAP", SAP),
                ("bitstreamSwitching", Flag),
                ("initializationSetRef", Text),
                ("initializationPrincipal", Text),
            ],
        ],
        required: &[],
        children: &[
            COMMON_CHILDREN,
            &["Accessibility", "Role", "Rating", "Viewpoint", "ContentComponent", "BaseURL"],
            &["SegmentBase", "SegmentList", "SegmentTemplate", "Representation"],
        ],
    },
    Element {
        names: &["Representation"],
        attributes: &[
            COMMON,
            &[
                ("id", Name),
                ("bandwidth", Int),
                ("qualityRanking", Int),
                ("dependencyId", Text),
                ("associationId", Text),
                ("associationType", Text),
                ("mediaStreamStructureId", Text),
            ],
        ],
        required: &["id", "bandwidth"],
        children: &[
            COMMON_CHILDREN,
            &["BaseURL", "ExtendedBandwidth", "SubRepresentation", "SegmentBase", "SegmentList", "SegmentTemplate"],
        ],
    },
    Element { names: &["SegmentBase"], attributes: &[SEGMENTS], required: &[], children: &[SEGMENTS_CHILDREN] },
    Element {
        names: &["SegmentList"],
        attributes: &[SEGMENTS, MANY_SEGMENTS],
        required: &[],
        children: &[SEGMENTS_CHILDREN, MANY_SEGMENTS_CHILDREN, &["SegmentURL"]],
    },
    Element {
        names: &["SegmentTemplate"],
        attributes: &[
            SEGMENTS,
            MANY_SEGMENTS,
            &[("media", Text), ("index", Text), ("initialization", Text), ("bitstreamSwitching", Text)],
        ],
        required: &[],
        children: &[SEGMENTS_CHILDREN, MANY_SEGMENTS_CHILDREN],
    },
    Element { names: &["SegmentTimeline"], attributes: &[], required: &[], children: &[&["S"]] },
    Element {
        names: &["S"],
        attributes: &[&[("t", Long), ("n", Long), ("d", Long), ("r", Signed), ("k", Long)]],
        required: &["d"],
        children: &[],
    },
    Element {
        names: &["SegmentURL"],
        attributes: &[&[("media", Text), ("mediaRange", Range), ("index", Text), ("indexRange", Range)]],
        required: &[],
        children: &[],
    },
    Element {
        names: &["Initialization", "RepresentationIndex", "BitstreamSwitching"],
        attributes: &[&[("sourceURL", Text), ("range", Range)]],
        required: &[],
        children: &[],
    },
    Element {
        names: &["BaseURL"],
        attributes: &[&[
            ("serviceLocation", Text),
            ("byteRange", Text),
            ("availabilityTimeOffset", Double),
            ("availabilityTimeComplete", Flag),
            ("timeShiftBufferDepth", Duration),
            ("rangeAccess", Flag),
        ]],
        required: &[],
        children: &[],
    },
    Element {
        names: &["ContentProtection"],
        attributes: &[DESCRIPTOR, &[("robustness", Name), ("refId", Text), ("ref", Text)]],
        required: &["schemeIdUri"],
        children: &[],
    },
    Element {
        names: &[
            "FramePacking",
            "AudioChannelConfiguration",
            "OutputProtection",
            "EssentialProperty",
            "SupplementalProperty",
            "Accessibility",
            "Role",
            "Rating",
            "Viewpoint",
            "UTCTiming",
            "AssetIdentifier",
        ],
        attributes: &[DESCRIPTOR],
        required: &["schemeIdUri"],
        children: &[],
    },
    Element { names: &["Label", "GroupLabel"], attributes: &[&[("id", Int), ("lang", Language)]], required: &[], children: &[] },
];
