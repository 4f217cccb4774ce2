%% The architecture, held: a module calls only what stands to its right on a request's way, and only
%% those that face Cowboy know of it.
-module(gwport_layers_tests).

-include_lib("eunit/include/eunit.hrl").

%% From the client to the pipe.
order() ->
    [gwport_app, gwport_sup, gwport_inject, gwport_prometheus, gwport_status_page, gwport_status_feed, gwport_dev, gwport, gwport_handler, gwport_stream_h, gwport_plug, gwport_plug_request, gwport_plug_input,
        gwport_plug_conn, gwport_client, gwport_mw_request_id, gwport_mw_server_timing, gwport_mw_cors, gwport_mw_basic_auth, gwport_mw_method_override,
        gwport_mw_gzip, gwport_mw_conditional, gwport_mw_prefix, gwport_mw_response, gwport_mw_options, gwport_gateway, gwport_run_pool,
        gwport_evidence, gwport_call, gwport_cowboy_routes, gwport_mounts, gwport_pipeline_h, gwport_tunnel, gwport_turns, gwport_h2_flow, gwport_cowboy,
        gwport_cowboy_response, gwport_trailers, gwport_request_end, gwport_cowboy_request, gwport_cowboy_listener, gwport_exchange, gwport_chance, gwport_dev_page, gwport_validate, gwport_run, gwport_run_app,
        gwport_account, gwport_access, gwport_request, gwport_stream, gwport_status, gwport_response, gwport_reload, gwport_pool_keeper,
        gwport_waiting, gwport_backoff, gwport_pool_sup, gwport_plan, gwport_pool, gwport_port, gwport_asked, gwport_handle, gwport_greeting, gwport_life, gwport_health, gwport_brake,
        gwport_recycle,
        gwport_streams,
        gwport_out, gwport_writer, gwport_clients, gwport_queue, gwport_lent, gwport_watch, gwport_share, gwport_log, gwport_log_socket,
        gwport_log_frame, gwport_log_crash, gwport_mux, gwport_half, gwport_credit, gwport_pace, gwport_load,
        gwport_os, gwport_file, gwport_file_opener, gwport_file_count, gwport_mount_options, gwport_pool_options, gwport_options, gwport_rules, gwport_command, gwport_forwarded, gwport_network, gwport_variables,
        gwport_validate_environ, gwport_validate_head, gwport_environ, gwport_frame, gwport_finding, gwport_field, gwport_seen, gwport_log_budget, gwport_log_lines, gwport_count, gwport_telemetry, gwport_json, gwport_line, gwport_failure, gwport_secret].

facing_cowboy() ->
    [gwport_handler, gwport_stream_h, gwport_plug_conn, gwport_mounts, gwport_pipeline_h, gwport_tunnel, gwport_cowboy,
        gwport_cowboy_response, gwport_trailers, gwport_request_end, gwport_cowboy_request, gwport_cowboy_listener, gwport_cowboy_routes].

every_module_has_its_place_test() ->
    Dir = filename:dirname(code:which(gwport)),
    Modules = [list_to_atom(filename:basename(File, ".beam"))
        || File <- filelib:wildcard(filename:join(Dir, "gwport*.beam"))],
    ?assertEqual(lists:sort(order()), lists:sort(Modules -- test_modules(Modules))).

%% Where rebar3 compiles tests into the same folder.
test_modules(Modules) ->
    [Module || Module <- Modules, filename:basename(filename:dirname(source(Module))) =/= "erlang"].

source(Module) ->
    proplists:get_value(source, Module:module_info(compile)).

calls_go_to_the_right_test_() ->
    [{atom_to_list(Module), ?_assertEqual([], calls(Module) -- behind(Module))} || Module <- order()].

only_who_faces_cowboy_calls_it_test_() ->
    [{atom_to_list(Module), ?_assertEqual([], [Called || Called <- imported(Module), is_cowboy(Called)])}
        || Module <- order() -- facing_cowboy()].

%% Who drives an exchange knows one kind of client, and nothing of ports and what they are told.
drivers() ->
    [gwport_handler, gwport_stream_h, gwport_tunnel, gwport_cowboy, gwport_plug, gwport_client, gwport_run_pool].

drivers_know_nothing_of_ports_test_() ->
    Ports = [Module || Module <- behind(gwport_exchange), not lists:member(Module, besides())],
    [{atom_to_list(Module), ?_assertEqual([], [Called || Called <- calls(Module), lists:member(Called, Ports)])}
        || Module <- drivers()].

%% What stands behind gwport_exchange and is everybody's.
besides() ->
    [gwport_file_opener, gwport_file_count, gwport_file, gwport_mount_options, gwport_pool_options, gwport_options, gwport_line, gwport_failure, gwport_run_app, gwport_environ, gwport_status, gwport_seen].

%% The compilers of later releases refuse what those of earlier ones took: `fun register/2`, say, where a
%% function of ours has the name of one that is imported by itself.
no_function_is_named_like_a_bif_test_() ->
    [{atom_to_list(Module), ?_assertEqual([], [Function
        || Function = {Name, Arity} <- Module:module_info(functions), erl_internal:bif(Name, Arity)])}
        || Module <- order()].

behind(Module) ->
    tl(lists:dropwhile(fun(Other) -> Other =/= Module end, order())).

calls(Module) ->
    [Called || Called <- imported(Module), lists:member(Called, order())].

imported(Module) ->
    {ok, {Module, [{imports, Imports}]}} = beam_lib:chunks(code:which(Module), [imports]),
    lists:usort([Called || {Called, _, _} <- Imports]).

is_cowboy(Module) ->
    lists:any(fun(Prefix) -> lists:prefix(Prefix, atom_to_list(Module)) end, ["cow", "ranch"]).
