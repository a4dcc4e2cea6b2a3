// The pages of Marquee: wires the session, the header and the addresses together.

import "./polyfills";
import "./tokens.css";
import "./base.css";
// Here because a style sheet of a part that is loaded later would not be loaded with it.
import "./player/page.css";
import { render, type ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { LocationProvider, Route, Router, useLocation } from "preact-iso/router";
import { AccountPage } from "./account/account";
import { SignInPage, SignUpPage } from "./account/pages";
import { followOtherTabs, restore, session } from "./api/session";
import { MyListPage } from "./library/my-list";
import { LibraryPage } from "./library/page";
import { SearchPage } from "./search/page";
import { TitlePage } from "./title/page";
import { followArrows } from "./ui/arrows";
import { Header } from "./ui/header";
import { BlankPage, ProblemPage, Waiting } from "./ui/states";
import { UploadPage } from "./upload/page";
import { followSession, warnBeforeLeaving } from "./upload/uploads";

function App() {
  const { path } = useLocation();
  const now = session.value;
  if (now.state === "restoring") return <Waiting />;
  if (now.state === "unreachable") {
    return (
      <ProblemPage problem={now.problem}>
        <button class="button" onClick={() => void restore()}>
          Try again
        </button>
      </ProblemPage>
    );
  }
  // The address stays, so signing in leads to the page that was asked for.
  if (now.state === "signed-out") return path === "/sign-up" ? <SignUpPage /> : <SignInPage />;
  return (
    <>
      {path.startsWith("/watch/") ? null : <Header />}
      <Router>
        <Route path="/" component={LibraryPage} />
        <Route path="/sign-in" component={LibraryPage} />
        <Route path="/sign-up" component={LibraryPage} />
        <Route path="/list" component={MyListPage} />
        <Route path="/search" component={SearchPage} />
        <Route path="/account" component={AccountPage} />
        <Route path="/upload" component={UploadPage} />
        <Route path="/titles/:id" component={TitlePage} />
        <Route path="/watch/:id" component={WatchPage} />
        <Route default component={NowherePage} />
      </Router>
    </>
  );
}

/** The player is large, and only this page needs it: it is fetched when it is first asked for. */
function WatchPage() {
  const [Page, setPage] = useState<ComponentType | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    import("./player/page").then(
      (module) => setPage(() => module.WatchPage),
      () => setFailed(true),
    );
  }, []);
  if (failed) return <BrokenPage />;
  return Page ? <Page /> : <Waiting />;
}

/** A page whose code could not be fetched: the connection is away, or a new version was installed meanwhile. */
function BrokenPage() {
  return (
    <BlankPage icon="alert" title="This page could not be loaded">
      <p class="soft">Check the connection, then load it again.</p>
      <button class="button button-main" onClick={() => location.reload()}>
        Load again
      </button>
    </BlankPage>
  );
}

function NowherePage() {
  return (
    <BlankPage icon="film" title="There is no such page">
      <a class="button button-main" href="/">
        To the library
      </a>
    </BlankPage>
  );
}

followArrows();
followOtherTabs();
followSession();
warnBeforeLeaving();
void restore();

const root = document.getElementById("app");
if (root) {
  render(
    <LocationProvider>
      <App />
    </LocationProvider>,
    root,
  );
}
