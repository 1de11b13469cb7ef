package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"dialer/internal/app"
	"dialer/internal/httpapi/operations"
)

// Report counts the calls of all campaigns.
func (a *api) Report(ctx context.Context, r operations.ReportRequestObject) (operations.ReportResponseObject, error) {
	f, err := a.figures(ctx, "", r.Params.By, r.Params.Since, r.Params.Before)
	return operations.Report200JSONResponse(f), err
}

// CampaignReport counts the calls of one campaign.
func (a *api) CampaignReport(ctx context.Context, r operations.CampaignReportRequestObject) (operations.CampaignReportResponseObject, error) {
	f, err := a.figures(ctx, r.Name, r.Params.By, r.Params.Since, r.Params.Before)
	return operations.CampaignReport200JSONResponse(f), err
}

func (a *api) figures(ctx context.Context, name, by string, since, before *string) (operations.Figures, error) {
	q, err := app.ReadFiguresQuery(by, orZero(since), orZero(before))
	if err != nil {
		return operations.Figures{}, err
	}
	f, err := a.campaigns().Figures(ctx, name, q)
	if err != nil {
		return operations.Figures{}, err
	}
	of := operations.Figures{By: string(f.By), Columns: f.Columns, Rows: make([]operations.FiguresRow, len(f.Rows)), Since: day(f.Since), Before: day(f.Before)}
	if f.Campaign != "" {
		of.Campaign = &f.Campaign
	}
	for i, row := range f.Rows {
		of.Rows[i] = raw(json.RawMessage(row))
	}
	return of, nil
}

// day is a date; nil: none.
func day(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return new(t.Format(time.DateOnly))
}
