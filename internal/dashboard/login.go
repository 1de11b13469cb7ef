package dashboard

import (
	"errors"
	"net"
	"net/http"
	"time"

	"dialer/campaign"
	"dialer/internal/auth"
)

const (
	sessionCookie = "dialer_session"
	sessionLife   = 12 * time.Hour
)

func (d *dashboard) loginForm(w http.ResponseWriter, r *http.Request) {
	_ = d.show(&visit{Request: r, w: w}, http.StatusOK, "login.html", shown{Title: "Log in", Data: d.otherWayIn()})
}

// login lets a person in. A wrong name and a wrong password get the same answer after the
// same time.
func (d *dashboard) login(w http.ResponseWriter, r *http.Request) {
	v := &visit{Request: r, w: w}
	r.Body = http.MaxBytesReader(w, r.Body, 16<<10)
	name, password := r.PostFormValue("name"), r.PostFormValue("password")
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	now := time.Now()
	allowed, _ := d.addresses.Allow(host, now)
	if allowed {
		allowed, _ = d.logins.Allow(host+" "+name, now)
	}
	//guard:false internal/dashboard.TestLoginLimit: nobody tries passwords without end
	if !allowed {
		d.refuseLogin(w, r, http.StatusTooManyRequests, "Too many tries: wait half a minute.")
		return
	}
	user, err := d.Store.UserNamed(r.Context(), name)
	if err != nil && !errors.Is(err, campaign.ErrNotFound) {
		d.fail(v, err)
		return
	}
	right, err := auth.CheckPassword(r.Context(), user.Password, password)
	if err != nil {
		d.fail(v, err)
		return
	}
	if !right {
		d.refuseLogin(w, r, http.StatusUnauthorized, "The name or the password is wrong.")
		return
	}
	d.letIn(w, r, user)
}

// encrypted reports whether the browser speaks TLS, perhaps to a proxy here.
func encrypted(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

func (d *dashboard) logout(v *visit) error {
	if cookie, err := v.Cookie(sessionCookie); err == nil {
		if err := d.Store.EndSession(v.Context(), auth.HashSecret(cookie.Value)); err != nil {
			return err
		}
	}
	http.SetCookie(v.w, &http.Cookie{Name: sessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: encrypted(v.Request)})
	http.Redirect(v.w, v.Request, "/login", http.StatusSeeOther)
	return nil
}
