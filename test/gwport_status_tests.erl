-module(gwport_status_tests).

-include_lib("eunit/include/eunit.hrl").

every_reason_has_its_status_test_() ->
    [?_assertEqual({Reason, Status}, {Reason, gwport_status:status(Reason)}) || {Reason, Status} <- statuses()].

what_could_succeed_later_says_so_and_nothing_else_does_test() ->
    [?assertEqual({Reason, Status =:= 503},
        {Reason, lists:member({<<"retry-after">>, <<"1">>}, gwport_status:headers(Reason))})
        || {Reason, Status} <- statuses()].

every_text_is_a_line_of_its_type_test() ->
    [begin
        ?assertMatch({_, <<"text/plain", _/binary>>},
            lists:keyfind(<<"content-type">>, 1, gwport_status:headers(Reason))),
        Text = gwport_status:text(Reason),
        ?assertEqual($\n, binary:last(Text)),
        ?assertEqual(nomatch, re:run(Text, "gwport|port|pool|program", [{capture, none}]))
    end || {Reason, _} <- statuses()].

every_abort_of_the_wire_has_a_reason_with_a_status_test_() ->
    [?_assertEqual({Code, Reason}, {Code, gwport_status:reason(gwport_frame:abort_name(Code))})
        || {Code, Reason} <- [
            {0, app_failed}, {1, app_failed}, {2, app_failed}, {3, deadline}, {4, head_timeout},
            {5, idle_timeout}, {6, refused}, {7, no_app}, {8, bad_response}, {9, bad_response},
            {10, bad_response}, {11, bad_response}, {12, too_large_response}, {13, bad_response},
            {14, bad_response}, {15, port_died}, {16, app_failed}]].

statuses() ->
    [{bad_request, 400}, {no_mount, 404}, {slow_body, 408}, {too_large_body, 413}, {too_large_target, 414},
     {too_large_head, 431}, {too_many_fields, 431}, {too_large_header, 431}, {no_app, 500}, {app_failed, 500}, {bad_option, 500},
     {port_died, 502}, {bad_response, 502}, {too_large_response, 502}, {no_pool, 503}, {no_port, 503},
     {busy, 503}, {draining, 503}, {not_entered, 503}, {refused, 503}, {head_timeout, 504},
     {idle_timeout, 504}, {deadline, 504}].
