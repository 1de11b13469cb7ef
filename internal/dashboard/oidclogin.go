package dashboard

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"dialer/internal/app"
	"dialer/internal/auth"
)

// OIDC is the provider at which people log in without a password here.
type OIDC struct {
	Provider *auth.OIDC
	Roles    map[string]app.Role // by the value of the provider's role claim; of several roles the one that allows most counts
}

const (
	oidcPath   = "/login/oidc"
	oidcCookie = "dialer_oidc" // of one login in progress
	oidcLife   = 10 * time.Minute
	// OIDCCallback is the path to which the provider sends browsers back.
	OIDCCallback = oidcPath + "/callback"
)

// mayTry bounds the number of logins from one address.
func (d *dashboard) mayTry(w http.ResponseWriter, r *http.Request) bool {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	allowed, _ := d.addresses.Allow(host, time.Now())
	if !allowed {
		d.refuseLogin(w, r, http.StatusTooManyRequests, "Too many tries: wait half a minute.")
	}
	return allowed
}

func (d *dashboard) refuseLogin(w http.ResponseWriter, r *http.Request, status int, says string) {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	d.Log.WarnContext(r.Context(), "a login was refused", "from", host, "status", status)
	_ = d.show(&visit{Request: r, w: w}, status, "login.html", shown{Title: "Log in", Error: says, Data: d.otherWayIn()})
}

// otherWayIn is the provider's name for the login form; nil: there is none.
func (d *dashboard) otherWayIn() any {
	if d.OIDC == nil {
		return nil
	}
	issuer, err := url.Parse(d.OIDC.Provider.Issuer())
	if err != nil {
		return nil
	}
	return map[string]string{"To": oidcPath, "Host": issuer.Hostname()}
}

// beginOIDC sends the browser to the provider.
func (d *dashboard) beginOIDC(w http.ResponseWriter, r *http.Request) {
	if !d.mayTry(w, r) {
		return
	}
	address, kept, err := d.OIDC.Provider.Begin(r.Context())
	if err != nil {
		d.Log.ErrorContext(r.Context(), "nobody can log in at the OIDC provider", "error", err)
		d.refuseLogin(w, r, http.StatusBadGateway, "The provider does not answer; the dialer's log says why. Try again, or use a password.")
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: oidcCookie, Value: kept, Path: oidcPath, MaxAge: int(oidcLife / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: encrypted(r),
	})
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, address, http.StatusSeeOther)
}

// finishOIDC lets a person in if the provider vouches for them.
func (d *dashboard) finishOIDC(w http.ResponseWriter, r *http.Request) {
	if !d.mayTry(w, r) {
		return
	}
	var kept string
	if cookie, err := r.Cookie(oidcCookie); err == nil {
		kept = cookie.Value
	}
	http.SetCookie(w, &http.Cookie{Name: oidcCookie, Path: oidcPath, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: encrypted(r)})
	who, err := d.OIDC.Provider.Finish(r.Context(), kept, r.URL.Query())
	switch {
	case errors.Is(err, auth.ErrLoginRefused):
		d.refuseLogin(w, r, http.StatusUnauthorized, err.Error())
		return
	case err != nil:
		d.Log.ErrorContext(r.Context(), "nobody can log in at the OIDC provider", "error", err)
		d.refuseLogin(w, r, http.StatusBadGateway, "The provider does not answer; the dialer's log says why. Try again, or use a password.")
		return
	}
	var granted []app.Role
	for _, group := range who.Groups {
		granted = append(granted, d.OIDC.Roles[group])
	}
	user, err := app.Access{Store: d.Store}.ComeIn(r.Context(), app.User{Name: who.Name, Role: app.MostRole(granted), Issuer: who.Issuer, Subject: who.Subject})
	switch {
	case err != nil && ours(err):
		d.fail(&visit{Request: r, w: w}, err)
		return
	case err != nil:
		d.refuseLogin(w, r, http.StatusForbidden, err.Error())
		return
	}
	d.letIn(w, r, user)
}

// letIn begins a session.
func (d *dashboard) letIn(w http.ResponseWriter, r *http.Request, user app.User) {
	text, hash := auth.NewSecret()
	if err := d.Store.BeginSession(r.Context(), user, hash, sessionLife); err != nil {
		d.fail(&visit{Request: r, w: w}, err)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: sessionCookie, Value: text, Path: "/", MaxAge: int(sessionLife / time.Second), HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: encrypted(r),
	})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
