package dashboard

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
)

// functions are what the templates may call.
var functions = template.FuncMap{
	"when":  func(t any) template.HTML { return when(t) },
	"money": func(d decimal.Decimal) template.HTML { return money(d) },
	"moneyOr": func(d decimal.NullDecimal) template.HTML {
		if !d.Valid {
			return ""
		}
		return money(d.Decimal)
	},
	"moneyText": func(text string) template.HTML {
		d, err := decimal.NewFromString(text)
		if err != nil {
			return ""
		}
		return money(d)
	},
	"share": func(part, of int, name string) string {
		if of == 0 {
			return ""
		}
		return fmt.Sprintf("%.0f %% %s", 100*float64(part)/float64(of), name)
	},
	"upper": func(s string) string {
		if s == "" {
			return s
		}
		return strings.ToUpper(s[:1]) + s[1:]
	},
	"words": words,
	"count": func(n any) template.HTML { return number(n) },
	"plain": count,
	"span":  func(t time.Duration) string { return span(t) },
}

// count writes a number with its thousands apart, exactly.
func count(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

func words(v any) string { return strings.ReplaceAll(fmt.Sprint(v), "_", " ") }

// number and money are data elements. The browser formats them for its user.
func number(n any) template.HTML {
	exact := fmt.Sprint(n)
	text := exact
	if i, err := strconv.Atoi(exact); err == nil {
		text = count(i)
	}
	return template.HTML(fmt.Sprintf(`<data value="%s">%s</data>`, template.HTMLEscapeString(exact), template.HTMLEscapeString(text)))
}

func money(d decimal.Decimal) template.HTML {
	return template.HTML(fmt.Sprintf(`<data class="money" value="%s" title="%s">%s</data>`, d.String(), d.String(), d.StringFixed(4)))
}

// span is a length of time for people.
func span(t time.Duration) string {
	switch {
	case t < time.Minute:
		return fmt.Sprintf("%d s", int(t.Round(time.Second)/time.Second))
	case t < time.Hour:
		return fmt.Sprintf("%d min %02d s", int(t/time.Minute), int(t%time.Minute/time.Second))
	}
	return fmt.Sprintf("%d h %02d min", int(t/time.Hour), int(t%time.Hour/time.Minute))
}

// when is a time that the browser shows on its user's clock. If t is a text, Postgres
// wrote it.
func when(t any) template.HTML {
	var at time.Time
	switch t := t.(type) {
	case time.Time:
		at = t
	case string:
		at, _ = time.Parse(time.RFC3339Nano, t) // an invalid time is shown as none
	}
	if at.IsZero() {
		return ""
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s</time>`, at.UTC().Format(time.RFC3339), at.UTC().Format("2006-01-02 15:04:05Z")))
}
