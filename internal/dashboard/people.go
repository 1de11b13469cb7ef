package dashboard

import (
	"cmp"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dialer/campaign"
	"dialer/internal/app"
)

// peopleView is the list of a campaign's people.
type peopleView struct {
	CampaignID int64
	Search     string
	Tiles      []tile
	Columns    []sortColumn
	Contacts   []contactRow
	Next       template.URL
	NextPost   string // where a form continues; in place of Next, if the searched text may be a number
	Looked     int    // rows that a search has read for its text, if there are more
	Filtered   bool
	HandList   bool // this is the page of people to reach by hand
}

// tile is a filter: how many there are, and the list of them.
type tile struct {
	Name, Kind string
	N          int
	Link       template.URL
	On         bool
}

// sortColumn is the head of a column.
type sortColumn struct {
	Name string
	Num  bool
	Link template.URL // "": it is not sorted by this
	Aria string       // ascending, descending; "": the list is sorted by another
}

type contactRow struct {
	ID       int64             `json:"contact_id"`
	Key      string            `json:"key"`
	To       string            `json:"to_number"`
	State    string            `json:"state"`
	Reason   string            `json:"reason"`
	Result   string            `json:"result"`
	HeardAt  string            `json:"heard_at"`
	Attempts int               `json:"attempts"`
	Next     string            `json:"next_attempt_at"`
	Row      map[string]string `json:"row"`
}

// Says is the row's values besides key and number, in a line.
func (r contactRow) Says() string {
	var values []string
	for _, name := range slices.Sorted(maps.Keys(r.Row)) {
		if v := r.Row[name]; v != "" && v != r.Key && strings.Trim(v, "+") != r.To {
			values = append(values, v)
		}
	}
	text := strings.Join(values, ", ")
	if runes := []rune(text); len(runes) > 120 {
		text = string(runes[:120]) + "…"
	}
	return text
}

const contactsPerPage = 50

// filters are the parameters that choose and sort the list. Where it begins is not among
// them.
var filters = []string{"q", "state", "reason", "result", "reached", "sort", "down"}

// queryOf reads the filters of an address.
func queryOf(values url.Values) app.PeopleQuery {
	q := app.PeopleQuery{
		Limit: contactsPerPage, Search: strings.TrimSpace(values.Get("q")), NotReached: values.Get("reached") == "no", ByHand: values.Get("reached") == "hand",
		Order: app.PeopleOrder(values.Get("sort")), Descending: values.Get("down") != "", After: values.Get("after"),
	}
	q.State, q.Reason, q.Result = values.Get("state"), values.Get("reason"), values.Get("result")
	return q
}

// link is the address of the list with other filters. A filter without a value is left
// out.
func link(values url.Values, change ...string) template.URL {
	next := url.Values{}
	for _, name := range filters {
		if v := values.Get(name); v != "" {
			next.Set(name, v)
		}
	}
	for i := 0; i+1 < len(change); i += 2 {
		if next.Del(change[i]); change[i+1] != "" {
			next.Set(change[i], change[i+1])
		}
	}
	return template.URL("?" + next.Encode() + "#people") // Encode escapes what people typed
}

// only is the address of the list with this filter and no other.
func only(name, value string) template.URL { return link(nil, name, value) }

// people reads the list that the address selects.
func (d *dashboard) people(v *visit, s standing, values url.Values) (view peopleView, err error) {
	q := queryOf(values)
	// A masked number must not be found by searching for its parts.
	q.Whole = v.masked() && digitsIn(q.Search) > 0
	page, err := d.Store.CampaignPeople(v.Context(), s.CampaignID, q)
	if err != nil {
		return view, err
	}
	view = peopleView{
		CampaignID: s.CampaignID, Search: q.Search, Looked: page.Looked, Tiles: tilesOf(s, values), Columns: columnsOf(values),
		Filtered: q.Search != "" || q.State != "" || q.Reason != "" || q.Result != "" || q.NotReached || q.ByHand,
	}
	switch {
	case page.Next == "":
	//guard:false internal/dashboard.TestSearchGoesOn: no number that is searched stands in an address
	case digitsIn(q.Search) >= 7:
		view.NextPost = page.Next
	default:
		view.Next = link(values, "after", page.Next)
	}
	view.Contacts, err = decoded[contactRow](v, page.Items)
	return view, err
}

// tilesOf are the filters with their counts.
func tilesOf(s standing, values url.Values) []tile {
	q := queryOf(values)
	none := q.State == "" && q.Reason == "" && q.Result == "" && !q.NotReached && !q.ByHand
	list := []tile{
		{"all", "all", s.Callable(), only("", ""), none && q.Search == ""},
		{"not called yet", "pending", s.Pending, only("state", "pending"), q.State == "pending"},
		{"being called", "active", s.Active, only("state", "active"), q.State == "active"},
		{"to be called again", "waiting", s.Waiting, only("state", "waiting"), q.State == "waiting"},
		{"ended", "done", s.Done, only("state", "done"), q.State == "done"},
		{"not reached", "not-reached", s.NotReached, only("reached", "no"), q.NotReached},
		{"to reach by hand", "by-hand", s.ByHand, only("reached", "hand"), q.ByHand},
	}
	for _, r := range s.Reasons {
		list = append(list, tile{words(r.Reason), "reason", r.N, only("reason", string(r.Reason)), q.Reason == string(r.Reason)})
	}
	for _, r := range s.Results {
		list = append(list, tile{words(r.Result), "result", r.N, only("result", r.Result), q.Result == r.Result})
	}
	return slices.DeleteFunc(list, func(t tile) bool { return t.N == 0 && t.Kind != "all" && !t.On })
}

// columnsOf are the heads of the table.
func columnsOf(values url.Values) []sortColumn {
	q := queryOf(values)
	order := cmp.Or(q.Order, app.ByKey)
	list := []sortColumn{{Name: "Key"}, {Name: "Number"}, {Name: "Row"}, {Name: "State"}, {Name: "Calls", Num: true}, {Name: "Result"}, {Name: "Next call"}}
	if q.Search != "" {
		return list
	}
	for i, by := range map[int]app.PeopleOrder{0: app.ByKey, 3: app.ByState, 5: app.ByResult, 6: app.ByNext} {
		change := []string{"sort", string(by), "down", ""}
		if by == order {
			list[i].Aria = "ascending"
			if q.Descending {
				list[i].Aria = "descending"
			} else {
				change[3] = "1"
			}
		}
		if by == app.ByNext || by == app.ByResult { // people without one are not in it
			change = append(change, "reason", "", "reached", "")
		}
		list[i].Link = link(values, change...)
	}
	return list
}

// handView is the list of people who may be reached by hand.
type handView struct {
	standing
	People peopleView
}

// byHand lists the people who were not reached, with their whole rows, to be printed or
// called.
func (d *dashboard) byHand(v *visit) error {
	id, err := v.idOf("id")
	if err != nil {
		return err
	}
	s, err := d.live.recent(v.Context())
	if err != nil {
		return err
	}
	view := handView{}
	if view.standing, err = d.standingOf(v, s, id); err != nil {
		return err
	}
	values := url.Values{"reached": {"hand"}, "after": {v.URL.Query().Get("after")}}
	if view.People, err = d.people(v, view.standing, values); err != nil {
		return err
	}
	if view.People.Next != "" {
		view.People.Next = template.URL(strings.Replace(string(view.People.Next), "#people", "", 1))
	}
	return d.show(v, http.StatusOK, "byhand.html", shown{Title: "To reach by hand: " + view.Campaign, Here: "overview", Data: view})
}

// outcomes are the data of the chart.
func (d *dashboard) outcomes(v *visit) error {
	id, err := v.idOf("id")
	if err != nil {
		return err
	}
	o, err := d.Store.Outcomes(v.Context(), id)
	if err != nil {
		return err
	}
	type series struct {
		Name string `json:"name"`
		Kind string `json:"kind"` // its colour
		N    []int  `json:"n"`
	}
	at := []int64{}
	var list []series
	for _, p := range o.Points {
		at = append(at, p.At.Unix())
	}
	add := func(name, kind string, of func(app.OutcomePoint) int) {
		s, sum := series{Name: name, Kind: kind}, 0
		for _, p := range o.Points {
			n := of(p)
			s.N = append(s.N, n)
			sum += n
		}
		if sum > 0 {
			list = append(list, s)
		}
	}
	for _, dis := range chartOrder {
		add(words(dis), string(dis), func(p app.OutcomePoint) int { return p.Ended[dis] })
	}
	add("under way, or not known", "open", func(p app.OutcomePoint) int { return p.Underway })
	v.w.Header().Set("Content-Type", "application/json")
	v.w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(v.w).Encode(map[string]any{"every_s": o.EveryS, "at": at, "series": list})
}

// chartOrder is the order of the chart's colours from the bottom: reached people first.
var chartOrder = []campaign.Disposition{
	campaign.Human, campaign.Answered, campaign.Machine, campaign.Busy, campaign.Unanswered, campaign.Timeout, campaign.Rejected, campaign.Failed, campaign.Cancelled, campaign.Unexplained,
}
