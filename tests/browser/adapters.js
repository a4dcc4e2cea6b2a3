// Runs in the page: three players behind one face. Each `open` loads a manifest into the page's video and answers what can be done with it.

const complain = (what) => (window.complaints ??= []).push(String(what));

async function shakaPlayer(video, url, licence) {
  shaka.polyfill.installAll();
  const player = new shaka.Player();
  await player.attach(video);
  player.addEventListener("error", ({ detail }) => complain(`${detail.code} ${detail.message}`));
  // In HLS, playlists say where the keys are.
  const servers = licence && url.endsWith(".mpd") ? { "org.w3.clearkey": licence } : {};
  player.configure({ abr: { enabled: false }, drm: { servers } });
  await player.load(url);
  // It places subtitles by segments of the picture that come after they were chosen (its pull request 9676).
  player.selectTextTrack(player.getTextTracks()[0]);
  const active = () => player.getVariantTracks().find((track) => track.active);
  return {
    heights: () => player.getVariantTracks().map(({ height }) => height),
    choose: (height) => {
      const { language } = active();
      player.selectVariantTrack(player.getVariantTracks().find((track) => track.height === height && track.language === language), true);
    },
    languages: () => player.getAudioTracks().map(({ language }) => language),
    speak: (language) => player.selectAudioTrack(player.getAudioTracks().find((track) => track.language === language)),
    speaks: () => active().language,
    texts: () => player.getTextTracks().length,
    read: () => undefined,
  };
}

async function hlsPlayer(video, url, licence) {
  const drmSystems = licence ? { "org.w3.clearkey": { licenseUrl: licence } } : {};
  const player = new Hls({ emeEnabled: Boolean(licence), drmSystems });
  player.on(Hls.Events.ERROR, (_, { fatal, details, error }) => fatal && complain(`${details} ${error?.message}`));
  const parsed = new Promise((resolve) => player.on(Hls.Events.MANIFEST_PARSED, resolve));
  player.loadSource(url);
  player.attachMedia(video);
  await parsed;
  return {
    heights: () => player.levels.map(({ height }) => height),
    choose: (height) => (player.currentLevel = player.levels.findIndex((level) => level.height === height)),
    languages: () => player.audioTracks.map(({ lang }) => lang),
    speak: (language) => (player.audioTrack = player.audioTracks.findIndex(({ lang }) => lang === language)),
    speaks: () => player.audioTracks[player.audioTrack]?.lang,
    texts: () => player.subtitleTracks.length,
    read: () => {
      player.subtitleTrack = 0;
      player.subtitleDisplay = true;
    },
  };
}

async function dashPlayer(video, url, licence) {
  const player = dashjs.MediaPlayer().create();
  player.on(dashjs.MediaPlayer.events.ERROR, ({ error }) => complain(`${error.code} ${error.message}`));
  player.initialize(video, null, false);
  player.updateSettings({ streaming: { abr: { autoSwitchBitrate: { video: false } } } });
  if (licence) player.setProtectionData({ "org.w3.clearkey": { serverURL: licence } });
  const loaded = new Promise((resolve) => player.on(dashjs.MediaPlayer.events.STREAM_INITIALIZED, resolve));
  player.attachSource(url);
  await loaded;
  return {
    heights: () => player.getRepresentationsByType("video").map(({ height }) => height),
    choose: (height) => {
      const { id } = player.getRepresentationsByType("video").find((one) => one.height === height);
      player.setRepresentationForTypeById("video", id, true);
    },
    languages: () => player.getTracksFor("audio").map(({ lang }) => lang),
    speak: (language) => player.setCurrentTrack(player.getTracksFor("audio").find(({ lang }) => lang === language)),
    speaks: () => player.getCurrentTrackFor("audio").lang,
    texts: () => player.getTracksFor("text").length,
    read: () => player.setTextTrack(0),
  };
}

window.openPlayer = (name, ...rest) => ({ shaka: shakaPlayer, hls: hlsPlayer, dash: dashPlayer })[name](...rest);
