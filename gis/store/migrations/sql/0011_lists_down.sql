DROP TABLE project_feedback, project_duties, project_resources, project_needs, projects, resources, things, merchants, street_units, renovations;
DROP FUNCTION linli_places_taken();
DROP FUNCTION linli_project_needs();
DROP FUNCTION linli_leads(text);
