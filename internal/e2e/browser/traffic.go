package browser

import (
	"strings"
	"sync"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
)

// Request is something that a page has asked a server or the cache for. A
// redirect is a request of its own.
type Request struct {
	URL, Method string
	// Type is Document, Stylesheet, Script, Image, Font, Fetch, XHR and so on.
	Type string
	// Status is 0 as long as there is no answer.
	Status int
	// FromCache says that no server was asked.
	FromCache bool
	// Failed is why there is no answer, or half of one, as Chromium names it:
	// net::ERR_CONNECTION_REFUSED, or csp where the page's own policy forbids it.
	// What scripts fetch against the policy is not even listed.
	Failed string
}

// traffic follows what a tab loads. chromedp tells it in order, from a goroutine
// of its own.
type traffic struct {
	mu    sync.Mutex
	frame cdp.FrameID // the page itself, not what it frames

	begun   int          // navigations so far
	wanted  string       // address that the page has asked for and that has not begun
	address string       // what the last navigation began with
	loader  cdp.LoaderID // its document
	within  bool         // it stays in the document
	done    bool         // it has ended

	statuses map[cdp.LoaderID]int
	status   int

	requests []*Request
	byID     map[network.RequestID]*Request
}

func newTraffic() traffic {
	return traffic{done: true, statuses: make(map[cdp.LoaderID]int), byID: make(map[network.RequestID]*Request)}
}

// navigations counts the times that the page has set out for an address.
func (r *traffic) navigations() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begun
}

// loading says what the page is loading still, and "" where it is loaded and on
// its way to no other one.
func (r *traffic) loading() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.wanted != "":
		return "it has not begun to load " + r.wanted
	case !r.done:
		return "it has not loaded " + r.address
	}
	return ""
}

// Status is the status of the last document that the tab was sent: 0 where
// nobody answered.
func (p *Page) Status() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.status
}

// Requests are all requests since the last [Page.Open] or ResetRequests, but for
// those of a framed page from elsewhere and for the site's icon.
func (p *Page) Requests() []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := make([]Request, len(p.requests))
	for i, request := range p.requests {
		list[i] = *request
	}
	return list
}

// ResetRequests forgets the requests so far.
func (p *Page) ResetRequests() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = nil
	clear(p.byID)
}

// end notes that the navigation has ended.
func (r *traffic) end() {
	r.done = true
	// What the page asked for may be told after it has begun.
	if r.wanted == r.address {
		r.wanted = ""
	}
}

// see takes an event of the tab. There is a pattern for each way in which a
// navigation ends: the page is loaded, it was in the document already or in the
// back/forward cache, or there is no page (204, a download, blocked).
func (r *traffic) see(event any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch e := event.(type) {
	case *page.EventFrameRequestedNavigation:
		if e.FrameID == r.frame && e.Disposition == page.ClientNavigationDispositionCurrentTab {
			r.wanted = e.URL
		}
	case *page.EventFrameStartedNavigating:
		if e.FrameID == r.frame {
			r.begun++
			r.wanted, r.address, r.done = "", e.URL, false
			switch e.NavigationType {
			case page.FrameStartedNavigatingNavigationTypeSameDocument,
				page.FrameStartedNavigatingNavigationTypeHistorySameDocument:
				r.within = true
			default:
				r.within, r.loader, r.status = false, e.LoaderID, 0
			}
		}
	case *page.EventNavigatedWithinDocument:
		if e.FrameID == r.frame && r.within {
			r.end()
		}
	case *page.EventFrameNavigated:
		if e.Frame.ID == r.frame && e.Type == page.NavigationTypeBackForwardCacheRestore {
			r.status = r.statuses[e.Frame.LoaderID]
			r.end()
		}
	case *page.EventLifecycleEvent:
		if e.Name == "load" && e.LoaderID == r.loader && !r.within {
			r.end()
		}
	case *network.EventRequestWillBeSent:
		if e.RedirectResponse != nil {
			r.answer(e.RequestID, e.RedirectResponse)
		}
		// An address like data: asks nobody. Other is the icon of the site, which
		// Chromium asks for when it pleases, and often not at all.
		asks := strings.HasPrefix(e.Request.URL, "http") || strings.HasPrefix(e.Request.URL, "ws")
		if asks && e.Type != network.ResourceTypeOther {
			request := &Request{URL: e.Request.URL, Method: e.Request.Method, Type: string(e.Type)}
			r.requests = append(r.requests, request)
			r.byID[e.RequestID] = request
		}
	case *network.EventRequestServedFromCache:
		if request := r.byID[e.RequestID]; request != nil {
			request.FromCache = true
		}
	case *network.EventResponseReceived:
		r.answer(e.RequestID, e.Response)
		if string(e.RequestID) == string(r.loader) {
			r.status = int(e.Response.Status)
			r.statuses[r.loader] = r.status
		}
	case *network.EventLoadingFailed:
		if request := r.byID[e.RequestID]; request != nil {
			request.Failed = e.ErrorText
			if e.BlockedReason != "" {
				request.Failed = string(e.BlockedReason)
			}
		}
		// Without Canceled a page that tells of the error is loaded still.
		if string(e.RequestID) == string(r.loader) && e.Canceled {
			r.end()
		}
	}
}

// answer notes how a request was answered.
func (r *traffic) answer(id network.RequestID, response *network.Response) {
	if request := r.byID[id]; request != nil {
		request.Status = int(response.Status)
		request.FromCache = request.FromCache || response.FromDiskCache || response.FromPrefetchCache
	}
}
