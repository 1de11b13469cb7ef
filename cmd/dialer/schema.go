package main

import "dialer/campaign"

type schemaCommand struct {
	Campaign schemaCampaignCommand `cmd:"" help:"The campaign document, which enqueue --campaign reads."`
}

type schemaCampaignCommand struct{}

func (schemaCampaignCommand) Run(con console) error {
	con.Printf("%s", campaign.DocumentSchema)
	return nil
}
